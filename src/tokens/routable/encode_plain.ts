import { requireRandom } from './form.ts';

/** A prefix of the plain form: its only underscore is its end, for nothing else in the token tells where that is. */
export const PLAIN_PREFIX = /^[a-z][a-z0-9-]{0,30}_$/;

/**
 * `<prefix><base64url random>`: the form of a token that carries no routing. It has no checksum, since nobody would
 * look at it: the api knows a value by its hash, and to a router a token without a dot has nothing to say.
 *
 * `random` comes from node:crypto. Throws RangeError on a prefix that could not be read back or on too little
 * randomness.
 */
export function encodePlain(prefix: string, random: Buffer): string {
  if (!PLAIN_PREFIX.test(prefix))
    throw new RangeError('a prefix has lower-case letters, digits and - before its one _');
  requireRandom(random);
  return prefix + random.toString('base64url');
}
