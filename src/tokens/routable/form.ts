import { crc32 } from 'node:zlib';
import { MalformedToken } from './malformed.ts';

/** Fewer random bytes than these could be guessed; more than these cannot be counted in one byte. */
export const RANDOM_BYTES = { least: 16, usual: 16, most: 255 } as const;
/** Two characters in base 36 state no greater length of the base64url text. */
export const MAX_TEXT_LENGTH = 36 ** 2 - 1;
/** CRC-32 in base 36, left-padded. */
export const CHECKSUM_LENGTH = 7;

/** Any prefix that a routable token may have, others' (`glrt-`) too. */
export const PREFIX = /^[A-Za-z][A-Za-z0-9_-]{0,30}[_-]$/;

/** CRC-32 of the characters in base 36, seven lower-case ones. */
export function checksumOf(text: string): string {
  return crc32(text).toString(36).padStart(CHECKSUM_LENGTH, '0');
}

/**
 * Only the one canonical spelling of the bytes: Node's decoder ignores the spare bits of the last character, so that
 * two texts would be one token (RFC 4648 section 3.5).
 */
export function canonicalBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (text === '' || bytes.toString('base64url') !== text) throw new MalformedToken('base64');
  return bytes;
}

/** Throws RangeError: too little randomness is a fault of the program, not of a token. */
export function requireRandom(random: Buffer): void {
  const { least, most } = RANDOM_BYTES;
  if (random.length < least || random.length > most)
    throw new RangeError(`a token needs ${least} to ${most} random bytes`);
}
