import { createHash } from 'node:crypto';

/** Sizes of the parts that an entry of this key is saved in: 1 to 3 parts of up to 256 KiB. */
export function partSizes(key: string): number[] {
  const digest = createHash('sha256').update(key).digest();
  const count = 1 + ((digest[0] ?? 0) % 3);
  return Array.from({ length: count }, (_, part) => 1 + (digest.readUInt32LE(4 * (part + 1)) % 262_144));
}

/** Bytes that follow from the key alone, so that whoever restores them knows them. */
export function bytesOf(key: string): Buffer {
  const length = partSizes(key).reduce((sum, size) => sum + size, 0);
  return createHash('shake256', { outputLength: length }).update(key).digest();
}
