import { prefixEnd } from '../prefix.ts';

/**
 * The end of the range of keys that begin with a text. Above every key where there is none of its own: keys have at
 * most 512 UTF-16 units, so not that many of the last code point. Always a bound, so that the index has two.
 */
export function rangeEnd(prefix: string): string {
  return prefixEnd(prefix) ?? LAST;
}
const LAST = '\u{10ffff}'.repeat(300);

/** Whether PostgreSQL can hold the text. What it can't hold it doesn't have: nothing is found by it. */
export function storable(text: string | undefined): boolean {
  return text === undefined || (text.isWellFormed() && !text.includes('\0'));
}

/** Ids of entries as they were given out; another text names no entry. */
export function isId(text: string): boolean {
  return /^[0-9]{1,18}$/.test(text);
}
