import { ENTRY, type OwnedRow, ownedOf } from '../entry_rows.ts';
import type { Owned, Owner, Page, PageFilter, PageOrder, Usage } from '../model.ts';
import type { PostgresDatabase } from './database.ts';
import { isId, rangeEnd, storable } from './rows.ts';

const ORDERED_BY = {
  createdAt: 'entries.created_at',
  lastUsedAt: 'entries.used_at',
  sizeBytes: 'entries.size',
} as const satisfies Record<PageOrder['by'], string>;

/** Every entry with its owner. */
export const ownedIn = (s: string) => `SELECT ${ENTRY}, scope, version, owners.tenant, pool FROM ${s}.entries
  JOIN ${s}.spaces ON spaces.id = entries.space JOIN ${s}.owners ON owners.id = entries.owner
  WHERE sequence IS NOT NULL`;

/** Who has what, in which order: for limits and for people. */
export function managing(db: PostgresDatabase) {
  const s = db.schema;
  const owned = ownedIn(s);
  const usages = {
    text: `SELECT tenant, pool, entries, size AS "sizeBytes" FROM ${s}.owners
      WHERE entries > 0 ORDER BY tenant, pool`,
  };

  async function unusedSince(of: Owner, before: number, limit: number): Promise<Owned[]> {
    if (!storable(of.tenant) || !storable(of.pool)) return [];
    const wanted = new Conditions().owner(of);
    const everybody = wanted.values.length === 0;
    const values = [...wanted.values, before, limit];
    const unused = `used_at < $${values.length - 1}`;
    const sorted = `ORDER BY used_at, id LIMIT $${values.length}`;
    // Of each owner the first few come by an index, instead of all of several owners to be sorted.
    const first = everybody
      ? `SELECT * FROM ${s}.entries WHERE sequence IS NOT NULL AND ${unused} ${sorted}`
      : `SELECT few.* FROM ${s}.owners CROSS JOIN LATERAL (
           SELECT * FROM ${s}.entries WHERE owner = owners.id AND sequence IS NOT NULL AND ${unused} ${sorted}
         ) few WHERE true${wanted.text}`;
    const found = await db.read<OwnedRow>(
      {
        text: `SELECT ${ENTRY}, scope, version, owners.tenant, pool FROM (${first}) entries
          JOIN ${s}.spaces ON spaces.id = space JOIN ${s}.owners ON owners.id = owner
          ORDER BY used_at, entries.id LIMIT $${values.length}`,
      },
      ...values,
    );
    return found.map(ownedOf);
  }

  return {
    async usage(of: Owner): Promise<Usage> {
      const none = { entries: 0, sizeBytes: 0 };
      if (!storable(of.tenant) || !storable(of.pool)) return none;
      const { text, values } = new Conditions().owner(of);
      const summed = `SELECT coalesce(sum(entries), 0)::bigint AS entries, coalesce(sum(size), 0)::bigint AS "sizeBytes"
        FROM ${s}.owners WHERE true${text}`;
      return (await db.read<Usage>({ text: summed }, ...values))[0] ?? none;
    },

    usages: () => db.read<Usage & { tenant: string; pool: string }>(usages),

    async page(
      of: Owner,
      filter: PageFilter,
      order: PageOrder,
      offset: number,
      limit: number,
    ): Promise<Page> {
      const { key, scope, version } = filter;
      if (![of.tenant, of.pool, key, scope, version].every(storable)) return { total: 0, entries: [] };
      const wanted = new Conditions().owner(of);
      if (key) wanted.and('key >= ?', key).and('key < ?', rangeEnd(key));
      if (scope !== undefined) wanted.and('scope = ?', scope);
      if (version !== undefined) wanted.and('version = ?', version);
      const { text, values } = wanted;
      const direction = order.descending ? 'DESC' : 'ASC';
      const counted = { text: `SELECT count(*) AS total FROM (${owned}${text}) counted` };
      const paged = {
        text: `${owned}${text} ORDER BY ${ORDERED_BY[order.by]} ${direction}, entries.id ${direction}
          LIMIT $${values.length + 1} OFFSET $${values.length + 2}`,
      };
      const [total, entries] = await Promise.all([
        db.read<{ total: number }>(counted, ...values),
        db.read<OwnedRow>(paged, ...values, limit, offset),
      ]);
      return { total: total[0]?.total ?? 0, entries: entries.map(ownedOf) };
    },

    unusedSince,
    leastRecentlyUsed: (of: Owner, limit: number) => unusedSince(of, Number.MAX_SAFE_INTEGER, limit),

    async after(entryId: string, limit: number): Promise<Owned[]> {
      if (!isId(entryId)) return [];
      const text = `${owned} AND entries.id > $1 ORDER BY entries.id LIMIT $2`;
      return (await db.read<OwnedRow>({ text }, entryId, limit)).map(ownedOf);
    },
  };
}

/** Conditions that follow a WHERE, each with its value. */
class Conditions {
  text = '';
  readonly values: unknown[] = [];

  and(condition: string, value: unknown): this {
    this.values.push(value);
    this.text += ` AND ${condition.replace('?', `$${this.values.length}`)}`;
    return this;
  }

  owner({ tenant, pool }: Owner): this {
    if (tenant !== undefined) this.and('owners.tenant = ?', tenant);
    if (pool !== undefined) this.and('pool = ?', pool);
    return this;
  }
}
