import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { CacheRefused } from '../refused.ts';

/** Seconds in which a download must be started; up to GET_STEP more. */
export const GET_LIFETIME = 5 * 60;
/** Seconds for which the same look-up gives the same URL: it is signed once. */
const GET_STEP = 30;
/** URLs of one step that are kept. */
const MOST_KEPT = 2000;
/** Seconds in which an upload of a part must be started. */
export const PUT_LIFETIME = 15 * 60;

/** Where the api serves the signed URLs; routes/blobs.ts. */
export const PART_PATH = '/v1/blobs/parts';
export const ENTRY_PATH = '/v1/blobs/entries';
export const ARTIFACT_PATH = '/v1/blobs/artifacts';
/**
 * Query parameter by which a router in front of several apis knows whose URL it is. It isn't signed: whoever changes it
 * gets to an api that has another key.
 */
export const CELL_PARAMETER = 'cell';

/** The path, from a signed URL of an entry, of the list of its parts: what may read the one may read the other. */
export function partsOf(entryUrl: string): string {
  return entryUrl.replace('?', '/parts?');
}

/** The query of a signed URL as it arrives: to be believed only after `check…`. */
export interface SignedQuery {
  readonly exp?: string | undefined;
  readonly sig?: string | undefined;
  readonly size?: string | undefined;
  readonly tenant?: string | undefined;
}

/**
 * URLs that work without a bearer token, for one method on one object until a time: HMAC-SHA256 over all of it.
 * The parameter is named `sig` because that is the one which stock clients mask in their logs.
 */
export class SignedUrls {
  readonly #key: KeyObject;
  readonly #now: () => number;
  /** Ends every query: the parameter, or nothing. */
  readonly #cell: string;
  #kept = { exp: 0, urls: new Map<string, string>() };

  /**
   * @param now Milliseconds since the epoch.
   * @param cell The api's own cell, where it has one.
   */
  constructor(key: KeyObject, now: () => number, cell?: string) {
    this.#key = key;
    this.#now = now;
    this.#cell = cell === undefined ? '' : `&${CELL_PARAMETER}=${encodeURIComponent(cell)}`;
  }

  /** Path of the PUT for a part of exactly this length. */
  part(blob: string, sizeBytes: number): string {
    const exp = this.#expiry(PUT_LIFETIME);
    const sig = this.#sign(['PUT', blob, sizeBytes, exp]).toString('base64url');
    return `${PART_PATH}/${blob}?size=${sizeBytes}&exp=${exp}&sig=${sig}${this.#cell}`;
  }

  /** Path of the GET of a tenant's entry. */
  entry(tenant: string, entryId: string): string {
    const exp = Math.ceil(this.#expiry(GET_LIFETIME) / GET_STEP) * GET_STEP;
    if (exp !== this.#kept.exp || this.#kept.urls.size >= MOST_KEPT) this.#kept = { exp, urls: new Map() };
    const name = `${entryId} ${tenant}`;
    const url = this.#kept.urls.get(name) ?? this.#entryUntil(exp, tenant, entryId);
    this.#kept.urls.set(name, url);
    return url;
  }

  /** Path of the GET of a tenant's artifact. */
  artifact(tenant: string, artifactId: string): string {
    const exp = this.#expiry(GET_LIFETIME);
    const sig = this.#sign(['GET artifact', tenant, artifactId, exp]).toString('base64url');
    return `${ARTIFACT_PATH}/${artifactId}?tenant=${encodeURIComponent(tenant)}&exp=${exp}&sig=${sig}${this.#cell}`;
  }

  /** Throws CacheRefused `url-signature` unless `artifact` made this. */
  checkArtifact(artifactId: string, { tenant = '', exp, sig }: SignedQuery) {
    this.#check(['GET artifact', tenant, artifactId, Number(exp)], Number(exp), sig);
    return { tenant, artifactId };
  }

  #entryUntil(exp: number, tenant: string, entryId: string): string {
    const sig = this.#sign(['GET', tenant, entryId, exp]).toString('base64url');
    return `${ENTRY_PATH}/${entryId}?tenant=${encodeURIComponent(tenant)}&exp=${exp}&sig=${sig}${this.#cell}`;
  }

  /** Throws CacheRefused `url-signature` unless `part` made this. */
  checkPart(blob: string, { size, exp, sig }: SignedQuery): { blob: string; sizeBytes: number } {
    this.#check(['PUT', blob, Number(size), Number(exp)], Number(exp), sig);
    return { blob, sizeBytes: Number(size) };
  }

  /** Throws CacheRefused `url-signature` unless `entry` made this. */
  checkEntry(entryId: string, { tenant = '', exp, sig }: SignedQuery): { tenant: string; entryId: string } {
    this.#check(['GET', tenant, entryId, Number(exp)], Number(exp), sig);
    return { tenant, entryId };
  }

  #check(fields: readonly (string | number)[], exp: number, sig: string | undefined): void {
    const given = Buffer.from(typeof sig === 'string' ? sig : '', 'base64url');
    const right = this.#sign(fields);
    if (given.length !== right.length || !timingSafeEqual(given, right)) {
      throw new CacheRefused('url-signature', 'The signature of this URL is not ours.');
    }
    if (exp * 1000 <= this.#now()) throw new CacheRefused('url-signature', 'This URL has expired.');
  }

  /** JSON keeps the fields apart: no two lists of fields have the same text. */
  #sign(fields: readonly (string | number)[]): Buffer {
    return createHmac('sha256', this.#key).update(JSON.stringify(fields)).digest();
  }

  #expiry(lifetime: number): number {
    return Math.floor(this.#now() / 1000) + lifetime;
  }
}
