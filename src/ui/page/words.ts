/** `87 %`; a dash where there was nothing to count; pure. */
export function rateText(hits: number, misses: number): string {
  return hits + misses === 0 ? '–' : `${Math.round((hits / (hits + misses)) * 100)} %`;
}

export function countText(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
