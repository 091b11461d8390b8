import { createHash } from 'node:crypto';

/** No vowels and no look-alikes, as Kubernetes' own generated names: no word comes about by chance. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const HASH_LENGTH = 10;
/** A pod's name is its hostname too (RFC 1123: 63), and `-token` is appended for its Secret. */
const MAX_POOL_PART = 63 - 1 - HASH_LENGTH - '-token'.length;

/** Matches the Secret of any runner of any pool. */
export const RUNNER_SECRET_NAME = new RegExp(`-[${ALPHABET}]{${HASH_LENGTH}}-token$`);

/**
 * The pod's name derives from what it is made for alone, so that a plan made twice from the same observation, by a
 * leader that doesn't know it has been replaced, meets 409 and not a second runner.
 */
export function runnerName(pool: { name: string; uid: string }, slot: number, serial: number): string {
  const stem = pool.name.slice(0, MAX_POOL_PART).replace(/[.-]+$/, '');
  return `${stem}-${shortHash(`${pool.uid}/${slot}/${serial}`)}`;
}

/** Ten characters (about 47 bits) of the text's SHA-256. */
export function shortHash(text: string): string {
  const digest = createHash('sha256').update(text).digest();
  return Array.from(digest.subarray(0, HASH_LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
}

/** Value of the label harrier.dev/pool: the pool's name, or what of a longer one fits and still is the pool's alone. */
export function poolLabel(poolName: string): string {
  if (poolName.length <= 63) return poolName;
  return `${poolName.slice(0, 63 - 1 - HASH_LENGTH).replace(/[.-]+$/, '')}-${shortHash(poolName)}`;
}

/** Name of the registration token that is made for a pool which has none: the pool's own, so that it is found. */
export function registrationName(poolName: string): string {
  // `-registration` is appended for its Secret.
  return poolName.length <= 220
    ? poolName
    : `${poolName.slice(0, 200).replace(/[.-]+$/, '')}-${shortHash(poolName)}`;
}
