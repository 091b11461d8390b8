import type { RunnerPoolSpec } from '../../resources/runner_pool.ts';
import type { Runner } from './observed.ts';
import { standingOf } from './standing.ts';

export interface Rollout {
  /** Outdated runners to delete now. */
  replace: Runner[];
  /** Runners that may live above `replicas` meanwhile. */
  surge: number;
}

/**
 * How a changed template reaches the runners. Replace: what isn't working yet goes at once, idle ones too, but for
 * as many as a surge can replace first; busy ones finish. OnFinish: nothing goes, all new pods are of the new template.
 */
export function rollout(live: readonly Runner[], templateHash: string, spec: RunnerPoolSpec): Rollout {
  const outdated = live.filter((runner) => runner.templateHash !== templateHash);
  if (spec.updateStrategy.type === 'OnFinish' || outdated.length === 0) return { replace: [], surge: 0 };
  const starting = outdated.filter((runner) => standingOf(runner) === 'Starting');
  const idle = outdated.filter((runner) => standingOf(runner) === 'Idle');
  const maxSurge = spec.updateStrategy.maxSurge;
  const able = live.filter((runner) => standingOf(runner) === 'Idle' || standingOf(runner) === 'Busy').length;
  const spare = maxSurge === 0 ? idle.length : Math.max(0, able - spec.replicas);
  const replace = [...starting, ...idle.slice(0, spare)];
  return { replace, surge: Math.min(maxSurge, outdated.length - replace.length) };
}
