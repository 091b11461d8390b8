import type { Observed, ObservedPool, Runner } from '../../../src/controller/pool/observed.ts';
import { type RunnerPoolSpec, runnerPoolSpec } from '../../../src/resources/runner_pool.ts';
import type { RunnerState } from '../../../src/resources/runner_token.ts';

export const NOW = new Date('2026-11-21T08:00:00Z');
export const CURRENT = 'current';

/** A spec as the apiserver hands it out: every default filled in. */
export function spec(changes: Record<string, unknown> = {}): RunnerPoolSpec {
  return runnerPoolSpec.parse({
    template: { spec: { containers: [{ name: 'runner', image: 'job' }] } },
    ...changes,
  });
}

export function pool(changes: Partial<ObservedPool> = {}): ObservedPool {
  return {
    namespace: 'ci',
    name: 'linux',
    uid: 'pool-uid',
    generation: 1,
    deleting: false,
    hasDrainFinalizer: true,
    hasForgeFinalizer: false,
    spec: spec({ replicas: 3 }),
    ...changes,
  };
}

export function observed(changes: Partial<Observed> = {}): Observed {
  return {
    pool: pool(),
    templateHash: CURRENT,
    templateRefusals: [],
    nodeCache: { standing: 'NotAsked' },
    interception: { standing: 'NotAsked' },
    credentials: 'NotNeeded',
    forge: { standing: 'None' },
    credential: { good: true, recorded: { subject: 'pool:ci/linux', scopes: ['all'] } },
    parent: { standing: 'Found', name: 'linux' },
    external: 0,
    runners: [],
    ...changes,
  };
}

/** A runner of the current template, made a minute ago, that has reported this state. */
export function runner(slot: number, state?: RunnerState, changes: Partial<Runner> = {}): Runner {
  return {
    name: `linux-${slot}`,
    uid: `uid-${slot}`,
    createdAtMs: NOW.getTime() - 60_000,
    terminating: false,
    phase: 'Running',
    startedAtMs: state === undefined || state === 'Installing' ? undefined : NOW.getTime() - 40_000,
    slot,
    serial: 1,
    attempt: 1,
    templateHash: CURRENT,
    token: { phase: 'Active', state, sinceMs: NOW.getTime() - 30_000 },
    ...changes,
  };
}

export function secondsAgo(seconds: number): number {
  return NOW.getTime() - seconds * 1000;
}
