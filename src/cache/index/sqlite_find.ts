import { Finds } from './finds.ts';
import { type Entry, type Probe, prefixEnd } from './index.ts';
import { type EntryRow, entryOf, NO_END, row, rows } from './rows.ts';
import type { Statements } from './statements.ts';

/** How many keys of a range are looked at one by one before going back from the newest entry instead. */
const FEW = 12;

/** The look-ups of the embedded index. */
export class SqliteFind {
  readonly #sql: Statements;
  readonly #finds = new Finds();

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  find(tenant: string, version: string, probes: readonly Probe[]): Entry | undefined {
    return this.#finds.remember(tenant, version, probes, () => this.#look(tenant, version, probes));
  }

  /** To be called at each write. */
  forget(): void {
    this.#finds.forget();
  }

  #look(tenant: string, version: string, probes: readonly Probe[]): Entry | undefined {
    let scope: string | undefined;
    let space: number | undefined;
    for (const probe of probes) {
      if (probe.scope !== scope) {
        scope = probe.scope;
        space = row<{ id: number }>(this.#sql.space, tenant, scope, version)?.id;
      }
      if (space === undefined) continue;
      const found = this.#best(space, probe.key);
      if (found !== undefined) return entryOf(found, probe.scope, version);
    }
    return undefined;
  }

  #best(space: number, key: string): EntryRow | undefined {
    const end = prefixEnd(key) ?? NO_END;
    // Mostly one statement tells all: a key sorts before all that it begins, and few keys begin others.
    const [first, second] = rows<EntryRow & { sequence: number | null }>(this.#sql.firstTwo, space, key, end);
    if (first === undefined) return undefined;
    const committed = first.sequence !== null;
    if (committed && (first.key === key || second === undefined)) return first;
    return second && this.#newestInRange(space, key, end);
  }

  #newestInRange(space: number, start: string, end: string | Uint8Array): EntryRow | undefined {
    const few = row<{ id: number | null; sequence: number | null; seen: number }>(
      this.#sql.inRange,
      space,
      start,
      end,
      FEW,
    );
    if (few === undefined) return undefined;
    if (few.seen < FEW) return few.sequence === null ? undefined : row<EntryRow>(this.#sql.entry, few.id);
    return row<EntryRow>(this.#sql.newest, space, start, end);
  }
}
