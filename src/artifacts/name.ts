import { CacheRefused } from '../cache/refused.ts';
import { MAX_NAME_LENGTH } from '../protocol/artifacts.ts';

/** What the stock client refuses as well: some file system can't have it in a name. */
const FORBIDDEN = /[":<>|*?\r\n\\/\0]/;
/** RFC 6838 section 4.2; it goes into a header of the download. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$/i;

/** Throws `invalid-artifact` for a name that no stock client sends, or that could not be a file's. */
export function checkName(name: string): void {
  const fault = nameFault(name);
  if (fault !== undefined) throw new CacheRefused('invalid-artifact', `The name of the artifact ${fault}.`);
}

function nameFault(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.length > MAX_NAME_LENGTH)
    return `has ${name.length} characters; at most ${MAX_NAME_LENGTH} are allowed`;
  if (name === '.' || name === '..') return 'is a folder';
  if (FORBIDDEN.test(name)) return 'has a character that a file name cannot have';
  if (!name.isWellFormed()) return 'is not well-formed Unicode';
  return undefined;
}

export function checkMediaType(type: string): void {
  if (!MEDIA_TYPE.test(type)) throw new CacheRefused('invalid-artifact', 'This is no media type.');
}
