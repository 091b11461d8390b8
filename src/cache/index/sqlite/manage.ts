import type { StatementSync } from 'node:sqlite';
import type { Owned, Owner, Page, PageFilter, PageOrder, Usage } from '../model.ts';
import { prefixEnd } from '../prefix.ts';
import type { SqliteFile } from './file.ts';
import { ENTRY, NO_END, type OwnedRow, ownedOf, row, rows, type Value } from './rows.ts';

/** The order of the joins is told (CROSS JOIN), so that entries come by their own indexes. */
export const OWNED = `SELECT ${ENTRY}, scope, version, owners.tenant, pool FROM entries
  CROSS JOIN spaces ON spaces.id = entries.space CROSS JOIN owners ON owners.id = entries.owner
  WHERE sequence IS NOT NULL`;

const ORDERED_BY = {
  createdAt: 'entries.created_at',
  lastUsedAt: 'entries.used_at',
  sizeBytes: 'entries.size',
} as const satisfies Record<PageOrder['by'], string>;

/** Who has what, in which order: for limits and for people. */
export function managing(file: SqliteFile) {
  const sql = {
    usages: file.prepare(
      'SELECT tenant, pool, entries, size AS sizeBytes FROM owners WHERE entries > 0 ORDER BY tenant, pool',
    ),
    after: file.prepare(`${OWNED} AND entries.id > CAST(? AS INTEGER) ORDER BY entries.id LIMIT ?`),
    unused: file.prepare(`${OWNED} AND used_at < ? ORDER BY used_at, entries.id LIMIT ?`),
    unusedOfOwner: file.prepare(
      `${OWNED} AND owner = ? AND used_at < ? ORDER BY used_at, entries.id LIMIT ?`,
    ),
  };
  /** Statements that depend on what is asked; they differ in fixed texts only. */
  const made = new Map<string, StatementSync>();
  function prepared(text: string): StatementSync {
    const statement = made.get(text) ?? file.prepare(text);
    made.set(text, statement);
    return statement;
  }

  function unusedSince(of: Owner, before: number, limit: number): Owned[] {
    if (of.tenant === undefined && of.pool === undefined) {
      return rows<OwnedRow>(sql.unused, before, limit).map(ownedOf);
    }
    // Each owner's entries come by an index; one statement over several owners would sort them all.
    const owner = conditionsOf(of);
    return rows<{ id: number }>(prepared(`SELECT id FROM owners WHERE ${owner.text}`), ...owner.values)
      .flatMap(({ id }) => rows<OwnedRow>(sql.unusedOfOwner, id, before, limit))
      .sort((a, b) => a.used_at - b.used_at || a.id - b.id)
      .slice(0, limit)
      .map(ownedOf);
  }

  return {
    usage(of: Owner): Usage {
      const { text, values } = conditionsOf(of);
      const summed = prepared(
        `SELECT coalesce(sum(entries), 0) AS entries, coalesce(sum(size), 0) AS sizeBytes FROM owners WHERE ${text}`,
      );
      const { entries, sizeBytes } = row<Usage>(summed, ...values) ?? { entries: 0, sizeBytes: 0 };
      return { entries, sizeBytes };
    },

    usages: () => rows<Usage & { tenant: string; pool: string }>(sql.usages).map((one) => ({ ...one })),

    page(of: Owner, filter: PageFilter, order: PageOrder, offset: number, limit: number): Page {
      const wanted = pageConditions(of, filter);
      const counted = prepared(`SELECT count(*) AS total FROM (${OWNED}${wanted.text})`);
      const direction = order.descending ? 'DESC' : 'ASC';
      const paged = prepared(
        `${OWNED}${wanted.text} ORDER BY ${ORDERED_BY[order.by]} ${direction}, entries.id ${direction} LIMIT ? OFFSET ?`,
      );
      return {
        total: row<{ total: number }>(counted, ...wanted.values)?.total ?? 0,
        entries: rows<OwnedRow>(paged, ...wanted.values, limit, offset).map(ownedOf),
      };
    },

    after: (entryId: string, limit: number) => rows<OwnedRow>(sql.after, entryId, limit).map(ownedOf),
    unusedSince,
    leastRecentlyUsed: (of: Owner, limit: number) => unusedSince(of, Number.MAX_SAFE_INTEGER, limit),
  };
}

interface Conditions {
  readonly text: string;
  readonly values: Value[];
}

function conditionsOf({ tenant, pool }: Owner): Conditions {
  const given = [
    ...(tenant === undefined ? [] : [{ text: 'tenant = ?', value: tenant }]),
    ...(pool === undefined ? [] : [{ text: 'pool = ?', value: pool }]),
  ];
  return {
    text: given.map(({ text }) => text).join(' AND ') || 'true',
    values: given.map(({ value }) => value),
  };
}

function pageConditions(of: Owner, { key, scope, version }: PageFilter): Conditions {
  const owner = conditionsOf(of);
  const everybody = owner.values.length === 0;
  const given: Conditions[] = [
    ...(everybody
      ? []
      : [{ text: `entries.owner IN (SELECT id FROM owners WHERE ${owner.text})`, values: owner.values }]),
    ...(key ? [{ text: 'key >= ? AND key < ?', values: [key, prefixEnd(key) ?? NO_END] }] : []),
    ...(scope === undefined ? [] : [{ text: 'scope = ?', values: [scope] }]),
    ...(version === undefined ? [] : [{ text: 'version = ?', values: [version] }]),
  ];
  return {
    text: given.map(({ text }) => ` AND ${text}`).join(''),
    values: given.flatMap(({ values }) => values),
  };
}
