/**
 * The least string above every string that begins with `prefix`, in the order of code points (which is the order of
 * UTF-8 bytes); undefined when there is none. With it a prefix is a range of an index, without LIKE's wildcards.
 */
export function prefixEnd(prefix: string): string | undefined {
  const last = prefix.codePointAt(prefix.length - 1);
  if (last === undefined) return undefined;
  // The usual end, without taking the string apart; surrogates and what is beside them need more care.
  if (last < 0xd7ff) return prefix.slice(0, -1) + String.fromCharCode(last + 1);
  return endOfRare(prefix);
}

function endOfRare(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    // Surrogates are no characters: the next after U+D7FF is U+E000.
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}
