/** Look-ups by whether they found an entry. */
export interface Lookups {
  readonly hits: number;
  readonly misses: number;
}

/** Look-ups of each pool's runners since they were last taken into its status. */
export class LookupCounts {
  readonly #counts = new Map<string, { hits: number; misses: number }>();

  /** @param pool `<namespace>/<name>` */
  count(pool: string, hit: boolean): void {
    let counts = this.#counts.get(pool);
    if (counts === undefined) {
      counts = { hits: 0, misses: 0 };
      this.#counts.set(pool, counts);
    }
    if (hit) counts.hits++;
    else counts.misses++;
  }

  of(pool: string): Lookups {
    return { hits: 0, misses: 0, ...this.#counts.get(pool) };
  }

  /** These have been written; what was counted meanwhile stays. */
  taken(pool: string, written: Lookups): void {
    const counts = this.#counts.get(pool);
    if (counts === undefined) return;
    counts.hits -= written.hits;
    counts.misses -= written.misses;
    if (counts.hits === 0 && counts.misses === 0) this.#counts.delete(pool);
  }

  /** Forgets pools that are not there: nobody would ever ask for their counts. */
  keepOnly(pools: ReadonlySet<string>): void {
    for (const pool of this.#counts.keys()) if (!pools.has(pool)) this.#counts.delete(pool);
  }
}
