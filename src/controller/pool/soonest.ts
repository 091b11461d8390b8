/** The earliest of these times, in ms from now; undefined where there is none that comes. */
export function soonest(...times: (number | undefined)[]): number | undefined {
  const known = times.filter((one) => one !== undefined && Number.isFinite(one)) as number[];
  return known.length === 0 ? undefined : Math.max(0, Math.min(...known));
}
