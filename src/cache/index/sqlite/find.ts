import type { Entry, Probe } from '../model.ts';
import { prefixEnd } from '../prefix.ts';
import type { SqliteFile } from './file.ts';
import { ENTRY, type EntryRow, entryOf, NO_END, row, rows } from './rows.ts';

/** How many entries are looked at in the first try for the newest of a range, and by how much each next one grows. */
const FIRST_REACH = 12;
const GROWTH = 8;

type Newest = { id: number | null; seen: number };

/** The look-ups of the embedded index. Text compares by its UTF-8 bytes (BINARY). */
export function finding(file: SqliteFile) {
  const sql = {
    space: file.prepare('SELECT id FROM spaces WHERE tenant = ? AND scope = ? AND version = ?'),
    firstTwo: file.prepare(
      `SELECT ${ENTRY}, sequence FROM entries WHERE space = ? AND key >= ? AND key < ? ORDER BY key LIMIT 2`,
    ),
    entry: file.prepare(`SELECT ${ENTRY} FROM entries WHERE id = ?`),
    // SQLite takes bare columns beside max() from the row that has it (sqlite.org/lang_select.html#bareagg).
    ofRange: file.prepare(
      `SELECT iif(max(sequence) IS NULL, NULL, id) AS id, count(*) AS seen FROM
         (SELECT id, sequence FROM entries WHERE space = ? AND key >= ? AND key < ? LIMIT ?)`,
    ),
    ofNewest: file.prepare(
      `SELECT iif(max(sequence) IS NULL, NULL, id) AS id, count(*) AS seen FROM
         (SELECT id, sequence, key FROM entries INDEXED BY entries_newest
          WHERE space = ?1 AND sequence IS NOT NULL ORDER BY sequence DESC LIMIT ?4)
       WHERE key >= ?2 AND key < ?3`,
    ),
  };

  function look(tenant: string, version: string, probes: readonly Probe[]): Entry | undefined {
    let scope: string | undefined;
    let space: number | undefined;
    for (const probe of probes) {
      if (probe.scope !== scope) {
        scope = probe.scope;
        space = row<{ id: number }>(sql.space, tenant, scope, version)?.id;
      }
      if (space === undefined) continue;
      const found = best(space, probe.key);
      if (found !== undefined) return entryOf(found, probe.scope, version);
    }
    return undefined;
  }

  function best(space: number, key: string): EntryRow | undefined {
    const end = prefixEnd(key) ?? NO_END;
    // Mostly one statement tells all: a key sorts before all that it begins, and few keys begin others.
    const [first, second] = rows<EntryRow & { sequence: number | null }>(sql.firstTwo, space, key, end);
    if (first === undefined) return undefined;
    const committed = first.sequence !== null;
    if (committed && (first.key === key || second === undefined)) return first;
    const id = second && newestInRange(space, key, end);
    return id === undefined ? undefined : row<EntryRow>(sql.entry, id);
  }

  /**
   * Either few keys are in the range, or going back from the newest entry of the space soon meets one of them. Which
   * one is not known before, so both are tried with a growing reach: no more is looked at than some times the lesser.
   */
  function newestInRange(space: number, start: string, end: string | Uint8Array): number | undefined {
    for (let reach = FIRST_REACH; ; reach *= GROWTH) {
      const ranged = row<Newest>(sql.ofRange, space, start, end, reach);
      if (ranged === undefined || ranged.seen < reach) return ranged?.id ?? undefined;
      const newest = row<Newest>(sql.ofNewest, space, start, end, reach)?.id ?? undefined;
      if (newest !== undefined) return newest;
    }
  }

  return {
    find: (tenant: string, version: string, probes: readonly Probe[]): Entry | undefined =>
      file.finds.remember(tenant, version, probes, () => look(tenant, version, probes)),
  };
}
