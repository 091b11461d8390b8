import type { Owned } from '../index/index.ts';

/**
 * The first of the candidates, which come least recently used first, that make room for `over` bytes together; all
 * of them when they don't. The entry `keep` is passed over: what was just saved goes after everything else. Pure.
 */
export function planEviction<T extends Pick<Owned, 'id' | 'sizeBytes'>>(
  over: number,
  candidates: readonly T[],
  keep?: string,
): T[] {
  const chosen: T[] = [];
  let freed = 0;
  for (const candidate of candidates) {
    if (freed >= over) break;
    if (candidate.id === keep) continue;
    chosen.push(candidate);
    freed += candidate.sizeBytes;
  }
  return chosen;
}
