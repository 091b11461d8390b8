import type { Usage } from '../../cache/index/index.ts';
import type { UsageOfOne } from '../../protocol/management.ts';
import { tenantName } from './tenants.ts';

/** What each repository and pool of these namespaces uses, largest first; pure. */
export function usageOf(
  usages: readonly (Usage & { tenant: string })[],
  namespaces: readonly string[],
): UsageOfOne[] {
  const sums = new Map<string, UsageOfOne>();
  for (const { tenant, entries, sizeBytes } of usages) {
    const name = tenantName(tenant, namespaces);
    if (name === undefined) continue;
    // Several pools of one repository have a row each.
    const sum = sums.get(tenant) ?? { ...name, entries: 0, sizeBytes: 0 };
    sums.set(tenant, { ...sum, entries: sum.entries + entries, sizeBytes: sum.sizeBytes + sizeBytes });
  }
  return [...sums.values()].sort((a, b) => b.sizeBytes - a.sizeBytes || a.name.localeCompare(b.name));
}
