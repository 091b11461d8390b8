import { MAX_KEY_LENGTH } from '../protocol/cache.ts';
import { CacheRefused } from './refused.ts';

const HEXADECIMAL = /^[0-9a-f]{1,128}$/i;

/**
 * Throws `invalid-cache-key` for what no stock client sends, or could not get back: a comma separates keys in the
 * v1 protocol; NUL and lone surrogates don't survive storage, so two keys could become one.
 */
export function checkKey(key: string): void {
  const fault = keyFault(key);
  if (fault !== undefined) throw new CacheRefused('invalid-cache-key', `The key ${fault}.`);
}

function keyFault(key: string): string | undefined {
  if (key === '') return 'is empty';
  if (key.length > MAX_KEY_LENGTH) {
    return `has ${key.length} characters; at most ${MAX_KEY_LENGTH} are allowed`;
  }
  if (key.includes(',')) return 'contains a comma';
  if (key.includes('\0')) return 'contains a NUL character';
  if (!key.isWellFormed()) return 'is not well-formed Unicode';
  return undefined;
}

/** Throws `invalid-cache-version` for anything but 1 to 128 hexadecimal digits; clients send a SHA-256. */
export function checkVersion(version: string): void {
  if (!HEXADECIMAL.test(version)) {
    throw new CacheRefused('invalid-cache-version', 'The version must be 1 to 128 hexadecimal digits.');
  }
}
