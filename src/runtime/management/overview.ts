import type { CacheManagement } from '../../cache/manage.ts';
import type { Store } from '../../kube/types.ts';
import type { Overview } from '../../protocol/management.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import type { Clock } from '../../tokens/clock.ts';
import { problem } from '../problem.ts';
import type { ServedPool } from '../served_pools.ts';
import type { HitHistory } from './hit_history.ts';
import type { Manager } from './managers.ts';
import { poolView, runnersByPool } from './pool_view.ts';
import { usageOf } from './usage.ts';

/** What the page shows comes from. */
export interface OverviewSources {
  pools: { readonly store: Pick<Store<ServedPool>, 'list'> };
  tokens: { readonly store: Pick<Store<RunnerToken>, 'list'> };
  cache: Pick<CacheManagement, 'usages'>;
  history: HitHistory;
  cell?: string | undefined;
  now: Clock;
}

/** All that this caller may see at this moment, and nothing of a namespace in which they may see nothing. */
export async function overviewFor(manager: Manager, sources: OverviewSources): Promise<Overview> {
  const [ofPools, ofRunners, ofCaches] = await Promise.all([
    manager.namespaces('list-pools'),
    manager.namespaces('list-runners'),
    manager.namespaces('read-caches'),
  ]);
  const namespaces = [...new Set([...ofPools, ...ofCaches])].sort();
  if (namespaces.length === 0)
    throw problem(
      'permission-denied',
      'This takes the right to list runnerpools, or to get runnerpools/caches.',
    );
  const runners = runnersByPool(sources.tokens.store.list());
  const { history } = sources;
  return {
    at: new Date(sources.now()).toISOString(),
    user: manager.name,
    ...(sources.cell === undefined ? {} : { cell: sources.cell }),
    namespaces,
    pools: sources.pools.store
      .list()
      .filter(({ metadata }) => ofPools.includes(metadata.namespace))
      .map((pool) => {
        const { namespace, name } = pool.metadata;
        const seen = ofRunners.includes(namespace);
        return poolView(pool, seen ? (runners.get(`${namespace}/${name}`) ?? []) : undefined);
      })
      .sort((a, b) => a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name)),
    usage: usageOf(await sources.cache.usages(), ofCaches),
    hits: {
      stepSeconds: history.stepMs / 1000,
      since: new Date(history.since).toISOString(),
      steps: history
        .read(ofCaches)
        .map(({ at, ...counts }) => ({ at: new Date(at).toISOString(), ...counts })),
    },
  };
}
