import type { Overview } from '../../protocol/management.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import type { ServedPool } from '../served_pools.ts';
import { type RunnerStanding, standingOf } from '../served_states.ts';

export type PoolView = Overview['pools'][number];
type RunnersView = NonNullable<PoolView['runners']>;

/** Runners shown one by one; of the others their states are counted. */
const MOST_SHOWN = 200;

/** Live runners by `namespace/pool`; pure. A token that was revoked or has expired is nobody's any more. */
export function runnersByPool(tokens: readonly RunnerToken[]): Map<string, RunnerToken[]> {
  const alive = tokens.filter(
    ({ metadata, spec, status }) =>
      spec.type === 'Runtime' &&
      metadata.deletionTimestamp === undefined &&
      (status === undefined || status.phase === 'Pending' || status.phase === 'Active'),
  );
  return Map.groupBy(alive, ({ metadata, spec }) => `${metadata.namespace}/${spec.poolRef.name}`);
}

/** A pool as the page shows it; pure. Without `tokens` nothing is told of its runners. */
export function poolView({ metadata, spec, status }: ServedPool, tokens?: readonly RunnerToken[]): PoolView {
  const degraded = status?.conditions.find((one) => one.type === 'Degraded' && one.status === 'True');
  const { scope } = spec.forge;
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    ...(scope?.type === 'repository' && scope.name !== undefined ? { repository: scope.name } : {}),
    desired: spec.replicas,
    ready: status?.readyReplicas ?? 0,
    busy: status?.busyReplicas ?? 0,
    external: status?.external ?? 0,
    ...(degraded === undefined ? {} : { degraded: degraded.message || degraded.reason }),
    ...(tokens === undefined ? {} : { runners: runnersView(tokens) }),
  };
}

function runnersView(tokens: readonly RunnerToken[]): RunnersView {
  const states: Partial<Record<RunnerStanding, number>> = {};
  for (const token of tokens) states[standingOf(token)] = (states[standingOf(token)] ?? 0) + 1;
  const shown = tokens
    .map(
      (token) =>
        ({
          name: token.spec.podRef?.name ?? token.spec.runner?.name ?? token.metadata.name,
          state: standingOf(token),
          since: token.status?.runner?.since ?? token.metadata.creationTimestamp,
          joined: token.spec.podRef === undefined ? 'registration' : 'pod',
        }) as const,
    )
    .sort((a, b) => a.name.localeCompare(b.name))
    .slice(0, MOST_SHOWN);
  return { states, shown };
}
