const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** A size as a person reads it: `0 B`, `512 KiB`, `1.5 GiB`; pure. */
export function sizeText(bytes: number): string {
  const unit = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** unit;
  const text = unit === 0 || amount >= 100 ? String(Math.round(amount)) : amount.toFixed(1);
  return `${text.replace(/\.0$/, '')} ${UNITS[unit]}`;
}
