const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const;
/** From so many of a unit on, the next smaller one says nothing any more. */
const COARSE = 10;

/** A length of time in two units at most, as kubectl's tables have it: `45s`, `5m30s`, `3h5m`, `12d`. */
export function briefly(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const first = UNITS.findIndex(([, length]) => seconds >= length);
  const unit = UNITS[first];
  if (unit === undefined) return '0s';
  const [name, length] = unit;
  const count = Math.floor(seconds / length);
  const smaller = UNITS[first + 1];
  if (smaller === undefined || count >= COARSE) return `${count}${name}`;
  const rest = Math.floor((seconds % length) / smaller[1]);
  return rest === 0 ? `${count}${name}` : `${count}${name}${rest}${smaller[0]}`;
}
