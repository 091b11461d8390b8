/** Bounds of the schema that records them (resources/supplied.ts). */
const MOST_SCOPES = 128;
const LONGEST = 512;

/** A subject as services write it: a text, or the number that is its id. Undefined for anything else. */
export function subjectIn(value: unknown): string | undefined {
  const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value;
  return typeof text === 'string' && isShown(text) ? text : undefined;
}

/**
 * Scopes as services write them: a list of texts, or one text parted by spaces (RFC 6749, section 3.3) or commas (as
 * GitHub's X-OAuth-Scopes). Undefined for anything else, and for more than can be recorded.
 */
export function scopesIn(value: unknown): string[] | undefined {
  const list = typeof value === 'string' ? value.split(/[\s,]+/).filter((one) => one !== '') : value;
  if (!Array.isArray(list) || list.length > MOST_SCOPES) return undefined;
  return list.every((one) => typeof one === 'string' && isShown(one)) ? list : undefined;
}

function isShown(text: string): boolean {
  return text !== '' && text.length <= LONGEST && !/\p{Cc}/u.test(text);
}
