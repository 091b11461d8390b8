import { valuePrefix } from '../../resources/entity.ts';
import { requireRandom } from './form.ts';

/**
 * `<prefix><base64url random>`: the form of a token that carries no routing. It has no checksum, since nobody would
 * look at it: the api knows a value by its hash, and to a router a token without a dot has nothing to say.
 *
 * `random` comes from node:crypto. Throws RangeError on a prefix that could not be read back or on too little
 * randomness.
 */
export function encodePlain(prefix: string, random: Buffer): string {
  if (!valuePrefix.safeParse(prefix).success)
    throw new RangeError('a prefix has lower-case letters, digits and - before its one _');
  requireRandom(random);
  return prefix + random.toString('base64url');
}
