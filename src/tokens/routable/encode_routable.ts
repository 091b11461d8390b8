import { checksumOf, PREFIX, requireRandom } from './form.ts';
import { type RoutingKeys, writeRouting } from './routing_payload.ts';

/**
 * `<prefix><base64url(payload)>.<2 characters: length of the base64url text><7 characters: CRC-32>`, both in base 36.
 * The CRC is of all that stands before it. The payload is the routing's lines, the random bytes, and one byte with
 * their count: read from its end it needs no escapes.
 *
 * `random` comes from node:crypto, RANDOM_BYTES.usual bytes of it. Throws RangeError on a routing without any key, on a
 * prefix that could not be read back and on too little randomness.
 */
export function encodeRoutable(token: { prefix: string; routing: RoutingKeys; random: Buffer }): string {
  const { prefix, routing, random } = token;
  if (!PREFIX.test(prefix)) throw new RangeError('a prefix is of letters and digits and ends in _ or -');
  requireRandom(random);
  const lines = writeRouting(routing);
  if (lines === '') throw new RangeError('a routing without any key has the plain form');
  // The longest routing with the most random bytes is of 915 bytes: 1,220 of the 1,295 characters that can be stated.
  const payload = Buffer.concat([Buffer.from(lines, 'latin1'), random, Buffer.of(random.length)]);
  const text = payload.toString('base64url');
  const sealed = `${prefix}${text}.${text.length.toString(36).padStart(2, '0')}`;
  return sealed + checksumOf(sealed);
}
