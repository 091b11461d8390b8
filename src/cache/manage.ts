import type { CacheIndex, Owned, Page, PageFilter, PageOrder, Usage } from './index/index.ts';
import type { Outcome } from './integrity/integrity.ts';
import type { CacheParts } from './open.ts';

/** The cache as those see it who look after it. Tenants are the caller's to choose: it must be allowed to. */
export interface CacheManagement {
  usages(): ReturnType<CacheIndex['usages']>;
  usage(tenant: string): Promise<Usage>;
  /** Uploads that were begun and neither committed nor given back, of everybody. */
  openUploads(): Promise<number>;
  page(
    tenants: readonly string[],
    filter: PageFilter,
    order: PageOrder,
    offset: number,
    limit: number,
  ): Promise<Page>;
  /** Entries with exactly this key, in the scope or in all of them. */
  withKey(tenants: readonly string[], key: string, scope?: string): Promise<Owned[]>;
  /** Takes entries out, and their bytes; answers those that were there. */
  remove(tenant: string, entryIds: readonly string[]): Promise<Owned[]>;
  /** Reads an entry through, and quarantines it when it is not as it was saved. */
  verify(tenant: string, entryId: string): Promise<{ outcome: Outcome; sizeBytes: number }>;
}

/** Entries read at once when all of them are gone through. */
const BATCH = 1_000;

export function manage({
  index,
  blobs,
  integrity,
}: Pick<CacheParts, 'index' | 'blobs' | 'integrity'>): CacheManagement {
  async function page(
    tenants: readonly string[],
    filter: PageFilter,
    order: PageOrder,
    offset: number,
    limit: number,
  ): Promise<Page> {
    const [only, ...others] = tenants;
    if (only === undefined) return { total: 0, entries: [] };
    if (others.length === 0) return await index.page({ tenant: only }, filter, order, offset, limit);
    // A repository whose name several namespaces or forges have: each tenant may have the whole page.
    const pages = await Promise.all(
      tenants.map((tenant) => index.page({ tenant }, filter, order, 0, offset + limit)),
    );
    return {
      total: pages.reduce((sum, { total }) => sum + total, 0),
      entries: pages
        .flatMap(({ entries }) => entries)
        .sort(inOrder(order))
        .slice(offset, offset + limit),
    };
  }

  return {
    usages: () => index.usages(),
    usage: (tenant) => index.usage({ tenant }),
    openUploads: () => index.openUploads(),
    page,
    async withKey(tenants, key, scope) {
      const filter = { key, ...(scope === undefined ? {} : { scope }) };
      const found: Owned[] = [];
      for (const tenant of tenants) {
        for (let offset = 0, total = 1; offset < total; offset += BATCH) {
          // Oldest first: what is saved meanwhile comes behind what was seen.
          const order = { by: 'createdAt', descending: false } as const;
          const batch = await index.page({ tenant }, filter, order, offset, BATCH);
          total = batch.total;
          // The index knows prefixes, and a longer key is another entry.
          found.push(...batch.entries.filter((entry) => entry.key === key));
        }
      }
      return found;
    },
    async remove(tenant, entryIds) {
      const removed = await index.remove(tenant, entryIds);
      await blobs.remove(removed.blobs);
      return removed.entries;
    },
    async verify(tenant, entryId) {
      let sizeBytes = 0;
      const onBytes = (count: number) => {
        sizeBytes += count;
      };
      const outcome = await integrity.examine(tenant, entryId, 'verify', { thorough: true, onBytes });
      return { outcome, sizeBytes };
    },
  };
}

function inOrder({ by, descending }: PageOrder): (a: Owned, b: Owned) => number {
  const sign = descending ? -1 : 1;
  return (a, b) => sign * (a[by] - b[by] || Number(a.id) - Number(b.id));
}
