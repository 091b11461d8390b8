import { createPrivateKey, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { z } from 'zod';
import { AUTHORITY_FILE, BUNDLE_FILE, CERTIFICATE_FILE, KEY_FILE, UPSTREAM_ROOTS_FILE } from './names.ts';
import type { SeenAuthority, SeenServed } from './observed.ts';

/** Key in the Secret of the authorities. */
export const AUTHORITIES_FIELD = 'authorities.json';

const authority = z.object({
  /** The one host that it signs for. */
  host: z.string(),
  certificate: z.string(),
  /** PKCS #8, PEM. */
  key: z.string(),
  /** Since when the pods may have it among their roots: RFC 3339. */
  publishedAt: z.iso.datetime().optional(),
});
export type Authority = z.infer<typeof authority>;

const authorities = z.object({ authorities: z.array(authority) });

/** What the Secret holds; values are base64. */
export type SecretData = Readonly<Record<string, string>>;

/** Throws on what is no set of authorities: overwritten, it would take the trust of running pods with it. */
export function authoritiesIn(data: SecretData): Authority[] {
  try {
    return authorities.parse(JSON.parse(textOf(data, AUTHORITIES_FIELD))).authorities;
  } catch {
    // Not why: an error of the parser quotes its input.
    throw new Error(`the Secret has no readable ${AUTHORITIES_FIELD}`);
  }
}

export function authorityData(kept: readonly Authority[]): Record<string, string> {
  return { [AUTHORITIES_FIELD]: base64(JSON.stringify({ authorities: kept })) };
}

export function idOf({ certificate }: { certificate: string }): string {
  return new X509Certificate(certificate).fingerprint256;
}

export function seenAuthority(one: Authority): SeenAuthority {
  const { validToDate } = new X509Certificate(one.certificate);
  const publishedAt = one.publishedAt === undefined ? {} : { publishedAt: new Date(one.publishedAt) };
  return { id: idOf(one), host: one.host, notAfter: validToDate, ...publishedAt };
}

/** What the pods have, as far as it can be read; what can't is to be written anew. */
export function servedIn(data: SecretData, signers: readonly Authority[], upstreamRoots: string): SeenServed {
  const trusted = pems(textOf(data, AUTHORITY_FILE));
  const rootsCurrent =
    textOf(data, BUNDLE_FILE) === bundleOf(trusted) && textOf(data, UPSTREAM_ROOTS_FILE) === upstreamRoots;
  try {
    const leaf = new X509Certificate(textOf(data, CERTIFICATE_FILE));
    if (!leaf.checkPrivateKey(createPrivateKey(textOf(data, KEY_FILE)))) throw new Error('not a pair');
    const signer = signers.find((one) => leaf.verify(new X509Certificate(one.certificate).publicKey));
    return {
      trusted: trusted.map((certificate) => idOf({ certificate })),
      rootsCurrent,
      ...(signer === undefined ? {} : { leaf: { issuer: idOf(signer), notAfter: leaf.validToDate } }),
    };
  } catch {
    return { trusted: [], rootsCurrent: false };
  }
}

export function servedData(
  leaf: { certificate: string; key: string },
  trusted: readonly Authority[],
  upstreamRoots: string,
): Record<string, string> {
  const certificates = trusted.map(({ certificate }) => certificate);
  return {
    [CERTIFICATE_FILE]: base64(leaf.certificate),
    [KEY_FILE]: base64(leaf.key),
    [AUTHORITY_FILE]: base64(certificates.join('')),
    [BUNDLE_FILE]: base64(bundleOf(certificates)),
    [UPSTREAM_ROOTS_FILE]: base64(upstreamRoots),
  };
}

/** The certificates of the forge's Secret, and nothing else that somebody may have put beside them. */
export function upstreamRootsIn(data: SecretData): string {
  return pems(textOf(data, 'ca.crt')).join('');
}

export function leafIn(data: SecretData): { certificate: string; key: string } {
  return { certificate: textOf(data, CERTIFICATE_FILE), key: textOf(data, KEY_FILE) };
}

/** Ours first, then Mozilla's as this Node carries them: 180 KB of the 1 MiB that a Secret may have. */
function bundleOf(own: readonly string[]): string {
  return [...own, ...rootCertificates.map((one) => `${one.trim()}\n`)].join('');
}

function pems(text: string): string[] {
  return (text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (one) => `${one}\n`,
  );
}

function textOf(data: SecretData, key: string): string {
  return Buffer.from(data[key] ?? '', 'base64').toString('utf8');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
