import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isInternalAddress } from './addresses.ts';
import type { AllowedHosts } from './allowed_hosts.ts';

/** Never empty. */
export type Addresses = readonly [string, ...string[]];
export type Resolve = (host: string) => Promise<readonly string[]>;

/** The URL leads where it may not. The message goes on after the URL's name: "must be https …". */
export class NotAllowed extends Error {
  override readonly name = 'NotAllowed';
}

export interface JudgeOptions {
  allowed: AllowedHosts;
  /** The chart's value that `allowed` comes from, for the messages. */
  allowedBy: string;
  resolve?: Resolve;
}

/**
 * The addresses that a URL of somebody else leads to, at least one. The name is resolved once and all of its addresses
 * are judged; whoever connects goes to one of these, so that a name that answers otherwise a moment later (rebinding)
 * gains nothing. Rejects with NotAllowed, or with what the resolver said.
 */
export async function judgeUrl(url: URL, options: JudgeOptions): Promise<Addresses> {
  const { allowed, allowedBy, resolve = addressesOf } = options;
  judgeName(url, options);
  const host = hostOf(url);
  const addresses = isIP(host) === 0 ? await resolve(host) : [host];
  const [first, ...others] = addresses;
  if (first === undefined) throw new NotAllowed('its host has no address');
  if (!allowed.has(url) && addresses.some(isInternalAddress)) throw new NotAllowed(inside(allowedBy));
  return [first, ...others];
}

/** What can be judged without resolving anything, for a URL whose name somebody else resolves (a proxy). */
export function judgeUnresolved(url: URL, options: JudgeOptions): void {
  judgeName(url, options);
  const host = hostOf(url);
  const leadsInside = isIP(host) === 0 ? isInternalName(host) : isInternalAddress(host);
  if (leadsInside && !options.allowed.has(url)) throw new NotAllowed(inside(options.allowedBy));
}

export async function addressesOf(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/** The host without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

function judgeName(url: URL, { allowed, allowedBy }: JudgeOptions): void {
  if (allowed.has(url)) return;
  if (allowed.onlyThese) throw new NotAllowed(`leads to ${url.host}, which ${allowedBy} does not name`);
  if (url.protocol !== 'https:') throw new NotAllowed(`must be https unless ${allowedBy} names its host`);
}

/** Names that are nobody's on the Internet: RFC 6761, RFC 6762, RFC 8375, ICANN's .internal, and Kubernetes' own. */
const INTERNAL_NAME = /^[^.]+$|(^|\.)(localhost|local|internal|home\.arpa|svc)$/;

function isInternalName(host: string): boolean {
  return INTERNAL_NAME.test(host.toLowerCase().replace(/\.$/, ''));
}

function inside(allowedBy: string): string {
  return `leads to an address inside the cluster or its network, and ${allowedBy} does not name its host`;
}
