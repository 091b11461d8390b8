import { describe, expect, it } from 'vitest';
import type { PoolAction } from '../../../src/controller/action.ts';
import type { Observed, Runner } from '../../../src/controller/pool/observed.ts';
import { plan } from '../../../src/controller/pool/plan.ts';
import type { SlotFailure } from '../../../src/resources/runner_pool.ts';
import { NOW, observed, pool, runner, secondsAgo, spec } from './builders.ts';

/** Actions in short: `create 0`, `delete uid-1 ScaledDown`. */
function inShort(actions: readonly PoolAction[]): string[] {
  return actions.map((action) => {
    switch (action.type) {
      case 'CreateRunner':
        return `create ${action.slot}${action.attempt > 1 ? ` attempt ${action.attempt}` : ''}`;
      case 'DeleteRunner':
        return `delete ${action.runner.uid} ${action.reason}`;
      case 'StartDrain':
      case 'StopDrain':
        return `${action.type} ${action.runner.uid}`;
      default:
        return action.type;
    }
  });
}

function withSpec(changes: Record<string, unknown>): Partial<Observed> {
  return { pool: pool({ spec: spec({ replicas: 3, ...changes }) }) };
}

function failure(slot: number, attempt: number, notBeforeMs: number): SlotFailure {
  const notBefore = new Date(notBeforeMs).toISOString();
  return { slot, attempt, notBefore, reason: 'RunnerExited', message: 'ended' };
}

function withFailures(failures: SlotFailure[], changes: Record<string, unknown> = {}): Partial<Observed> {
  const status = {
    ...plan(observed(), NOW).status,
    created: 7,
    failures,
  };
  return { pool: pool({ spec: spec({ replicas: 3, ...changes }), status }) };
}

const old = { templateHash: 'old' };

const CASES: [string, Partial<Observed>, string[]][] = [
  ['fills every slot of a new pool', {}, ['create 0', 'create 1', 'create 2']],
  ['fills only the empty slot', { runners: [runner(0, 'Idle'), runner(2)] }, ['create 1']],
  [
    'does nothing when all slots are filled',
    { runners: [runner(0), runner(1, 'Idle'), runner(2, 'Busy')] },
    [],
  ],
  [
    'holds a pool that is to be drained by its finalizer before the first runner',
    { pool: pool({ hasDrainFinalizer: false, spec: spec({ replicas: 1 }) }) },
    ['AddDrainFinalizer', 'create 0'],
  ],
  [
    'needs no finalizer where nothing is drained',
    { pool: pool({ hasDrainFinalizer: false, spec: spec({ lifecycle: { onDelete: 'Delete' } }) }) },
    ['create 0'],
  ],
  [
    'replaces a finished runner',
    { runners: [runner(0, 'Busy', { phase: 'Succeeded' }), runner(1), runner(2)] },
    ['delete uid-0 Finished', 'create 0'],
  ],
  [
    'replaces a runner whose job failed without counting it as a failed start',
    { runners: [runner(0, 'Busy', { phase: 'Failed' }), runner(1), runner(2)] },
    ['delete uid-0 Finished', 'create 0'],
  ],
  [
    'fills the slot of a runner that is being deleted',
    { runners: [runner(0, 'Idle', { terminating: true }), runner(1), runner(2)] },
    ['create 0'],
  ],
  [
    'scales down the not-yet-ready first, then the idle, and drains the busy',
    {
      ...withSpec({ replicas: 0 }),
      runners: [runner(0, 'Busy'), runner(1, 'Idle'), runner(2, 'Installing')],
    },
    ['delete uid-2 ScaledDown', 'delete uid-1 ScaledDown', 'StartDrain uid-0'],
  ],
  [
    'leaves idle runners alone while a starting one can go',
    { ...withSpec({ replicas: 2 }), runners: [runner(0, 'Idle'), runner(1), runner(2, 'Idle')] },
    ['delete uid-1 ScaledDown'],
  ],
  [
    'lets a draining busy runner work until its drainTimeout',
    {
      ...withSpec({ replicas: 0, lifecycle: { drainTimeout: '60s' } }),
      runners: [runner(0, 'Busy', { drainSinceMs: secondsAgo(59), drainDeadlineMs: secondsAgo(-1) })],
    },
    [],
  ],
  [
    'marks it again when another drainTimeout moves its deadline',
    {
      ...withSpec({ replicas: 0, lifecycle: { drainTimeout: '90s' } }),
      runners: [runner(0, 'Busy', { drainSinceMs: secondsAgo(59), drainDeadlineMs: secondsAgo(-1) })],
    },
    ['StartDrain uid-0'],
  ],
  [
    'deletes it at its drainTimeout',
    {
      ...withSpec({ replicas: 0, lifecycle: { drainTimeout: '60s' } }),
      runners: [runner(0, 'Busy', { drainSinceMs: secondsAgo(60) })],
    },
    ['delete uid-0 DrainTimeout'],
  ],
  [
    'wants a draining runner back when replicas ask for it again',
    { ...withSpec({ replicas: 1 }), runners: [runner(0, 'Busy', { drainSinceMs: secondsAgo(5) })] },
    ['StopDrain uid-0'],
  ],
  [
    'replaces idle and starting runners of an old template at once, busy ones not',
    { runners: [runner(0, 'Idle', old), runner(1, 'Busy', old), runner(2, undefined, old)] },
    ['delete uid-2 Outdated', 'delete uid-0 Outdated', 'create 0', 'create 2'],
  ],
  [
    'replaces none with OnFinish',
    {
      ...withSpec({ updateStrategy: { type: 'OnFinish' } }),
      runners: [runner(0, 'Idle', old), runner(1, 'Busy', old), runner(2, 'Idle', old)],
    },
    [],
  ],
  [
    'makes new runners first as far as the surge goes',
    {
      ...withSpec({ updateStrategy: { maxSurge: 1 } }),
      runners: [runner(0, 'Idle', old), runner(1, 'Idle', old), runner(2, 'Idle', old)],
    },
    ['create 3'],
  ],
  [
    'lets an old runner go for each surged one that is able',
    {
      ...withSpec({ updateStrategy: { maxSurge: 1 } }),
      runners: [runner(0, 'Idle', old), runner(1, 'Idle', old), runner(2, 'Idle', old), runner(3, 'Idle')],
    },
    ['delete uid-0 Outdated', 'create 0'],
  ],
  [
    'puts a failed start on record before the pod goes',
    { runners: [runner(0, undefined, { phase: 'Failed' }), runner(1), runner(2)] },
    [],
  ],
  [
    'then deletes the pod and waits in its slot',
    {
      ...withFailures([failure(0, 1, NOW.getTime() + 5_000)]),
      runners: [runner(0, undefined, { phase: 'Failed' }), runner(1), runner(2)],
    },
    ['delete uid-0 Finished'],
  ],
  [
    'tries again when the back-off is over, with the next attempt',
    { ...withFailures([failure(0, 2, NOW.getTime())]), runners: [runner(1), runner(2)] },
    ['create 0 attempt 3'],
  ],
  [
    'holds up no other slot for a failing one',
    withFailures([failure(1, 2, NOW.getTime() + 60_000)]),
    ['create 0', 'create 2'],
  ],
  [
    'deletes a runner that was not idle in time once that is on record',
    {
      ...withFailures([failure(0, 1, NOW.getTime() + 5_000)], { lifecycle: { startupTimeout: '60s' } }),
      runners: [runner(0, 'Installing', { createdAtMs: secondsAgo(61) }), runner(1), runner(2)],
    },
    ['delete uid-0 StartFailed'],
  ],
  [
    'makes nothing while the credentials are missing, and leaves what is there',
    { credentials: 'Missing', runners: [runner(0, 'Idle', old)] },
    [],
  ],
  [
    'makes nothing while what the interception mounts is not there, and leaves what is there',
    {
      interception: { standing: 'Given', host: 'results.example.com', ready: false },
      runners: [runner(0, 'Idle', old)],
    },
    [],
  ],
  [
    'makes nothing from a template that would show the token',
    { templateRefusals: [{ field: 'spec.template.spec.hostPID', message: 'shows it' }] },
    [],
  ],
  [
    'deletes an idle runner whose token was revoked',
    { runners: [runner(0, 'Idle', { token: { phase: 'Revoked', state: 'Idle' } }), runner(1), runner(2)] },
    ['delete uid-0 IdentityLost', 'create 0'],
  ],
  [
    'drains a busy runner whose token was revoked',
    { runners: [runner(0, 'Busy', { token: { phase: 'Revoked', state: 'Busy' } }), runner(1), runner(2)] },
    ['StartDrain uid-0'],
  ],
  [
    'takes a runner for busy whose token was deleted, since nobody can tell',
    {
      runners: [
        runner(0, undefined, { token: { phase: 'Revoked', reason: 'Deleted' } }),
        runner(1),
        runner(2),
      ],
    },
    ['StartDrain uid-0'],
  ],
  [
    'waits a while for the pod of a runner that has ended',
    { runners: [runner(0, 'Terminated'), runner(1), runner(2)] },
    [],
  ],
  [
    'and then deletes it',
    {
      runners: [
        runner(0, 'Terminated', { token: { phase: 'Active', state: 'Terminated', sinceMs: secondsAgo(61) } }),
        runner(1),
        runner(2),
      ],
    },
    ['delete uid-0 Lingering', 'create 0'],
  ],
  [
    'a deleted pool lets busy runners finish',
    { pool: pool({ deleting: true }), runners: [runner(0, 'Busy'), runner(1, 'Idle'), runner(2)] },
    ['delete uid-1 PoolDeleted', 'delete uid-2 PoolDeleted', 'StartDrain uid-0'],
  ],
  [
    'a deleted pool is held while a pod is still going',
    { pool: pool({ deleting: true }), runners: [runner(0, 'Idle', { terminating: true })] },
    [],
  ],
  [
    'a deleted pool is released after its last pod',
    { pool: pool({ deleting: true }) },
    ['RemoveDrainFinalizer'],
  ],
  [
    'a deleted pool that does not drain goes at once',
    {
      pool: pool({ deleting: true, spec: spec({ lifecycle: { onDelete: 'Delete' } }) }),
      runners: [runner(0, 'Busy')],
    },
    ['delete uid-0 PoolDeleted', 'RemoveDrainFinalizer'],
  ],
];

/** A life of two seconds. */
const brief = { startedAtMs: secondsAgo(10), endedAtMs: secondsAgo(8) };

describe('plan', () => {
  it.each(CASES)('%s', (_, changes, actions) => {
    expect(inShort(plan(observed(changes), NOW).actions)).toEqual(actions);
  });

  it('is the same for the same observation: a second plan makes no other runner', () => {
    const seen = observed({ runners: [runner(1)] });
    const later = new Date(NOW.getTime() + 5_000);
    expect(plan(seen, later).actions).toEqual(plan(seen, NOW).actions);
  });

  it('removes a failed runner whose slot is no longer wanted', () => {
    const failed = runner(2, undefined, { phase: 'Failed' });
    const seen = observed({ ...withSpec({ replicas: 1 }), runners: [runner(0, 'Busy'), failed] });
    const { status } = plan(seen, NOW);
    const next = { ...seen, pool: { ...seen.pool, status } };
    expect(inShort(plan(next, NOW).actions)).toEqual(['delete uid-2 Finished']);
    expect(plan(next, NOW).status.failures).toEqual([]);
  });

  it('never uses a serial of the slot again', () => {
    const seen = observed({
      ...withFailures([]),
      runners: [runner(0, 'Busy', { phase: 'Succeeded', serial: 11 }), runner(1), runner(2)],
    });
    const { actions, status } = plan(seen, NOW);
    expect(actions).toContainEqual({ type: 'CreateRunner', slot: 0, serial: 12, attempt: 1 });
    expect(status.created).toBe(12);
  });

  it('doubles the pauses of a slot up to the longest', () => {
    const attempts = [1, 2, 3, 4, 5, 6];
    const pauses = attempts.map((attempt) => {
      const seen = observed({
        pool: pool({ spec: spec({ replicas: 1, lifecycle: { maxAttempts: 6, backoff: { max: '30s' } } }) }),
        runners: [runner(0, undefined, { phase: 'Failed', attempt })],
      });
      const [failed] = plan(seen, NOW).status.failures;
      return (Date.parse(failed?.notBefore ?? '') - NOW.getTime()) / 1000;
    });
    expect(pauses).toEqual([5, 10, 20, 30, 30, 30]);
  });

  it('asks to be called again when the next thing is due', () => {
    const seen = observed({
      ...withSpec({ replicas: 1, lifecycle: { startupTimeout: '90s' } }),
      runners: [runner(0)],
    });
    expect(plan(seen, NOW).againAfterMs).toBe(30_000);
  });

  it.each<[string, Partial<Runner> | undefined, number]>([
    ['has been idle for a minute', { startedAtMs: secondsAgo(60) }, 0],
    ['has been idle for less', { startedAtMs: secondsAgo(40) }, 1],
    ['has a job', { startedAtMs: secondsAgo(1), token: { phase: 'Active', state: 'Busy' } }, 0],
  ])('keeps the failures of a slot until its runner %s', (_, changes, left) => {
    const seen = observed({
      ...withFailures([failure(0, 3, NOW.getTime())]),
      runners: [runner(0, 'Idle', { attempt: 4, ...changes }), runner(1), runner(2)],
    });
    const { status, againAfterMs } = plan(seen, NOW);
    expect(status.failures).toHaveLength(left);
    if (left > 0) expect(againAfterMs).toBe(20_000);
  });

  it('takes no report of the sidecar for a runner whose container has not started', () => {
    const waiting = runner(0, 'Idle', { phase: 'Pending', startedAtMs: undefined, trouble: 'ErrImagePull' });
    const seen = observed({
      ...withSpec({ replicas: 1, lifecycle: { startupTimeout: '90s' } }),
      runners: [waiting],
    });
    const { status, againAfterMs } = plan(seen, NOW);
    expect(status).toMatchObject({ replicas: 1, readyReplicas: 0, idleReplicas: 0 });
    expect(againAfterMs).toBe(30_000);
    const late = plan(seen, new Date(NOW.getTime() + 30_000));
    expect(late.status.failures).toMatchObject([
      { reason: 'StartupTimeout', message: expect.stringMatching(/: ErrImagePull$/) },
    ]);
  });

  it.each<[string, Partial<Runner>, number]>([
    ['after two seconds', brief, 1],
    ['after two minutes', { startedAtMs: secondsAgo(130), endedAtMs: secondsAgo(10) }, 0],
    ['with its node', { startedAtMs: undefined }, 0],
    ['after the sidecar said so', { ...brief, token: { phase: 'Active', state: 'Terminated' } }, 1],
    [
      'after its job',
      { ...brief, token: { phase: 'Active', state: 'Terminated', busySinceMs: secondsAgo(9) } },
      0,
    ],
    ['in success', { ...brief, phase: 'Succeeded' }, 0],
  ])('has failed starts: an idle runner that ended %s', (_, changes, failures) => {
    const ended = runner(0, 'Idle', { phase: 'Failed', ...changes });
    const seen = observed({ ...withSpec({ replicas: 1 }), runners: [ended] });
    expect(plan(seen, NOW).status.failures).toHaveLength(failures);
  });

  it('ends a runner whose container has ended while another of its pod goes on', () => {
    const over = runner(0, 'Idle', { endedAtMs: secondsAgo(59) });
    const seen = observed({ ...withSpec({ replicas: 1 }), runners: [over] });
    expect(plan(seen, NOW)).toMatchObject({ actions: [], status: { idleReplicas: 0 }, againAfterMs: 1000 });
    expect(inShort(plan(seen, new Date(NOW.getTime() + 1000)).actions)).toEqual([
      'delete uid-0 Lingering',
      'create 0',
    ]);
  });
});
