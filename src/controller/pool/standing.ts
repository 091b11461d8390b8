import type { Runner } from './observed.ts';

/**
 * Where a runner is in its life.
 *
 *     Starting ──> Idle ──> Busy ──> Ending ──> Finished
 *         └──────────┴────────┴─────────┴─────> Terminating (deleted, by whomever)
 *
 * Live are the four on the left of Finished; only they count against `replicas`. The sidecar says Idle as soon as it
 * serves, which is before kubelet starts the runner container, or fails to: idle is a runner whose container runs, and
 * that its forge has seen, where it has one. Busy is what either of forge and sidecar calls so.
 */
export type Standing = 'Starting' | 'Idle' | 'Busy' | 'Ending' | 'Finished' | 'Terminating';

/** A token of this reason stands in for one that somebody deleted: whether its runner is busy nobody can tell. */
export const DELETED_TOKEN = 'Deleted';

/** Reasons of a token that was revoked with the Registration token it descends from: its pod drains, or goes at once. */
export const PARENT_REVOKED = { Drain: 'ParentRevoked', Delete: 'ParentRevokedDelete' } as const;
export const PARENT_REVOKED_MESSAGE =
  'the registration token it descends from was disabled, superseded or deleted';

export function standingOf(runner: Runner): Standing {
  if (runner.terminating) return 'Terminating';
  if (runner.phase === 'Succeeded' || runner.phase === 'Failed') return 'Finished';
  // Its other containers run on, and would for ever where one of them is a daemon.
  if (runner.endedAtMs !== undefined) return 'Ending';
  if (runner.forge?.busy === true && runner.token?.state !== 'Terminated') return 'Busy';
  switch (runner.token?.state) {
    case 'Idle':
      return runner.startedAtMs === undefined || runner.forge?.joined === false ? 'Starting' : 'Idle';
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

/** Since when it is ready for work: both its report and its container are needed. */
export function readySinceMs(runner: Runner): number | undefined {
  const { startedAtMs, token } = runner;
  return startedAtMs === undefined || token?.sinceMs === undefined
    ? undefined
    : Math.max(startedAtMs, token.sinceMs);
}

/** Whether the runner lives on without an identity, since its token was revoked or deleted: it has to be replaced. */
export function identityLost(runner: Runner): boolean {
  return runner.token?.phase === 'Revoked' || runner.token?.phase === 'Expired';
}

/** Whether it lost its identity with the Registration token it descends from. */
export function fellWithParent(runner: Runner): boolean {
  return toBeDeleted(runner) || runner.token?.reason === PARENT_REVOKED.Drain;
}

/** Whether that token's owner wants even the busy ones gone at once. */
export function toBeDeleted(runner: Runner): boolean {
  return identityLost(runner) && runner.token?.reason === PARENT_REVOKED.Delete;
}
