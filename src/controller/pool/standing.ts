import type { Runner } from './observed.ts';

/**
 * Where a runner is in its life.
 *
 *     Starting ──> Idle ──> Busy ──> Ending ──> Finished
 *         └──────────┴────────┴─────────┴─────> Terminating (deleted, by whomever)
 *
 * Live are the four on the left of Finished; only they count against `replicas`.
 */
export type Standing = 'Starting' | 'Idle' | 'Busy' | 'Ending' | 'Finished' | 'Terminating';

/** A token of this reason stands in for one that somebody deleted: whether its runner is busy nobody can tell. */
export const DELETED_TOKEN = 'Deleted';

export function standingOf(runner: Runner): Standing {
  if (runner.terminating) return 'Terminating';
  if (runner.phase === 'Succeeded' || runner.phase === 'Failed') return 'Finished';
  switch (runner.token?.state) {
    case 'Idle':
      return 'Idle';
    case 'Busy':
      return 'Busy';
    case 'Terminated':
      return 'Ending';
    default:
      return identityLost(runner) && runner.token?.reason === DELETED_TOKEN ? 'Busy' : 'Starting';
  }
}

export function isLive(runner: Runner): boolean {
  const standing = standingOf(runner);
  return standing !== 'Finished' && standing !== 'Terminating';
}

/** Whether the start of this runner has succeeded: it was ready for work at some time. */
export function hasStarted(runner: Runner): boolean {
  const state = runner.token?.state;
  return state !== undefined && state !== 'Installing';
}

/** Whether the runner lives on without an identity, since its token was revoked or deleted: it has to be replaced. */
export function identityLost(runner: Runner): boolean {
  return runner.token?.phase === 'Revoked' || runner.token?.phase === 'Expired';
}
