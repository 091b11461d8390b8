import { describe, expect, it } from 'vitest';
import { poolEvents } from '../../../src/controller/pool/events.ts';
import { FORGE_CLEANUP } from '../../../src/controller/pool/forge_cleanup.ts';
import type { Observed, Runner } from '../../../src/controller/pool/observed.ts';
import type { AskedForge, RunnerInForge } from '../../../src/controller/pool/observed_forge.ts';
import { plan } from '../../../src/controller/pool/plan.ts';
import { standingOf } from '../../../src/controller/pool/standing.ts';
import type { ForgeRunner } from '../../../src/forges/forge.ts';
import type { RunnerState } from '../../../src/resources/runner_token.ts';
import { NOW, observed, pool, runner, secondsAgo, spec } from './builders.ts';

const fine: AskedForge = {
  standing: 'Fine',
  askedAtMs: secondsAgo(5),
  records: [],
  queued: 0,
  joining: [],
  kept: [],
};
const asks = { type: 'gitea', url: 'https://gitea.example.test', credentialsSecretRef: { name: 'forge' } };

function forgeRunner(slot: number, state: RunnerState | undefined, of: Partial<RunnerInForge> = {}): Runner {
  const forge = { name: `record-${slot}`, made: true, joined: true, busy: false, ...of };
  return runner(slot, state, { forge });
}

function forgePool(
  runners: Runner[],
  changes: Partial<Observed> = {},
  of: Record<string, unknown> = {},
): Observed {
  return observed({
    pool: pool({ hasForgeFinalizer: true, spec: spec({ replicas: runners.length, forge: asks, ...of }) }),
    credentials: 'Present',
    forge: fine,
    runners,
    ...changes,
  });
}

function record(name: string, state: ForgeRunner['state'] = 'Offline'): ForgeRunner {
  return { id: `id-of-${name}`, name, state };
}

const typesOf = (seen: Observed) => plan(seen, NOW).actions.map((one) => one.type);
const degraded = (seen: Observed) => plan(seen, NOW).status.conditions.find((one) => one.type === 'Degraded');

describe('the standing of a runner with a forge', () => {
  it.each<[string, Runner, string]>([
    ['not idle before it has joined', forgeRunner(0, 'Idle', { joined: false }), 'Starting'],
    ['idle from then on', forgeRunner(0, 'Idle'), 'Idle'],
    ['busy by the forge’s word', forgeRunner(0, 'Idle', { busy: true }), 'Busy'],
    ['busy by its own', forgeRunner(0, 'Busy', { joined: false }), 'Busy'],
    ['busy before it has said anything', forgeRunner(0, undefined, { busy: true }), 'Busy'],
    ['over by its own word', forgeRunner(0, 'Terminated', { busy: true }), 'Ending'],
    ['over by its pod', { ...forgeRunner(0, 'Idle', { busy: true }), phase: 'Succeeded' }, 'Finished'],
    ['as before without a forge', runner(0, 'Idle'), 'Idle'],
  ])('%s', (_, seen, standing) => {
    expect(standingOf(seen)).toBe(standing);
  });
});

describe('records', () => {
  it('go that no runner stands behind', () => {
    const finished = { ...forgeRunner(1, 'Busy'), phase: 'Succeeded' };
    const ending = { ...forgeRunner(2, 'Busy'), terminating: true };
    const records = ['record-0', 'record-1', 'record-2', 'nobody', 'coming', 'kept'].map((one) =>
      record(one),
    );
    const forge = { ...fine, records, joining: ['coming'], kept: ['kept'] };
    const { actions } = plan(forgePool([forgeRunner(0, 'Idle'), finished, ending], { forge }), NOW);
    expect(actions.flatMap((one) => (one.type === 'RemoveRecord' ? [one.record.name] : []))).toEqual([
      'record-1',
      'nobody',
    ]);
  });

  it.each(['Unknown', 'Failing'] as const)('stay while the forge is %s', (standing) => {
    const forge: AskedForge = { ...fine, standing, records: [record('nobody')] };
    expect(typesOf(forgePool([forgeRunner(0, 'Idle')], { forge }))).not.toContain('RemoveRecord');
  });

  it('are first to go where a runner could still get a job', () => {
    const seen = forgePool([forgeRunner(0, 'Idle'), forgeRunner(1, 'Idle')], {}, { replicas: 1 });
    expect(plan(seen, NOW).actions).toEqual([
      {
        type: 'DeleteRunner',
        runner: { name: 'linux-1', uid: 'uid-1' },
        reason: 'ScaledDown',
        record: 'record-1',
      },
    ]);
  });

  it.each<[string, Runner]>([
    ['of too many', forgeRunner(1, 'Idle')],
    ['of an older template', { ...forgeRunner(1, 'Idle'), templateHash: 'older' }],
    ['of no identity', { ...forgeRunner(1, 'Idle'), token: { phase: 'Revoked', state: 'Idle' } }],
  ])('keep their idle runner alive %s while the forge does not answer', (_, one) => {
    const forge: AskedForge = { ...fine, standing: 'Failing' };
    const seen = forgePool([forgeRunner(0, 'Idle'), one], { forge }, { replicas: 1 });
    expect(typesOf(seen)).toEqual([]);
  });

  it('that were never made keep nobody alive', () => {
    const forge: AskedForge = { ...fine, standing: 'Failing' };
    const none = forgeRunner(1, undefined, { made: false, joined: false });
    const seen = forgePool([forgeRunner(0, 'Idle'), none], { forge }, { replicas: 1 });
    expect(typesOf(seen)).toEqual(['DeleteRunner']);
  });
});

describe('ghosts', () => {
  const gone = (seconds: number) => ({ made: false, goneSinceMs: secondsAgo(seconds) });
  it.each<[string, Runner, string[]]>([
    ['one within its grace stays', forgeRunner(0, 'Idle', gone(59)), []],
    ['an idle one goes after it', forgeRunner(0, 'Idle', gone(60)), ['DeleteRunner', 'CreateRunner']],
    ['one that had a job gets its drainTimeout', forgeRunner(0, 'Busy', gone(60)), ['StartDrain']],
    [
      'one that is over ends by itself',
      { ...forgeRunner(0, 'Busy', gone(60)), endedAtMs: secondsAgo(5) },
      [],
    ],
    [
      'one that never joined has its startupTimeout',
      forgeRunner(0, 'Idle', { ...gone(60), joined: false }),
      [],
    ],
  ])('%s', (_, one, types) => {
    expect(typesOf(forgePool([one]))).toEqual(types);
  });

  it('are told apart in the event', () => {
    const seen = forgePool([forgeRunner(0, 'Idle', gone(90))]);
    const { actions, status } = plan(seen, NOW);
    const told = poolEvents(seen, actions, status);
    expect(told).toContainEqual(expect.objectContaining({ reason: 'RunnerRemoved', type: 'Warning' }));
  });
});

describe('a runner that never joins', () => {
  const late = (attempt: number): Runner => ({
    ...forgeRunner(0, 'Idle', { joined: false }),
    createdAtMs: secondsAgo(700),
    attempt,
    trouble: 'could not reach the forge',
  });

  it('is put on record, and only then goes by way of its forge', () => {
    const seen = forgePool([late(1)]);
    const first = plan(seen, NOW);
    expect(first.status.failures).toMatchObject([
      {
        slot: 0,
        attempt: 1,
        message: expect.stringMatching(/had not joined its forge.*could not reach the forge/),
      },
    ]);
    expect(first.actions).toEqual([]);
    const recorded = { ...seen, pool: { ...seen.pool, status: first.status } };
    expect(plan(recorded, NOW).actions).toEqual([
      {
        type: 'DeleteRunner',
        runner: { name: 'linux-0', uid: 'uid-0' },
        reason: 'StartFailed',
        record: 'record-0',
      },
    ]);
  });

  it('after maxAttempts makes the pool say so once, and holds up no other slot', () => {
    const seen = forgePool([late(5)], {}, { replicas: 2 });
    const { actions, status } = plan(seen, NOW);
    expect(actions).toMatchObject([{ type: 'CreateRunner', slot: 1 }]);
    expect(status.conditions.find((one) => one.type === 'Degraded')).toMatchObject({
      reason: 'StartsFailing',
    });
    const events = (of: Observed) =>
      poolEvents(of, [], status).filter((one) => one.reason === 'StartsFailing');
    expect(events(seen)).toMatchObject([{ message: expect.stringContaining('could not reach the forge') }]);
    expect(events({ ...seen, pool: { ...seen.pool, status } })).toEqual([]);
  });
});

describe('trouble with the forge', () => {
  const trouble = (reason: 'Forbidden' | 'RateLimited' | 'Refused', failures: number, blocks: boolean) => ({
    ...fine,
    standing: 'Failing' as const,
    trouble: { reason, message: 'what to do', failures, blocks },
  });

  it('that somebody has to mend lets no runner be made, and is told once', () => {
    const seen = forgePool([], { forge: trouble('Forbidden', 1, true) }, { replicas: 2 });
    const { actions, status } = plan(seen, NOW);
    expect(actions).toEqual([]);
    expect(degraded(seen)).toMatchObject({ status: 'True', reason: 'ForgeForbidden', message: 'what to do' });
    const again = { ...seen, pool: { ...seen.pool, status } };
    const events = (of: Observed) => poolEvents(of, [], status).map((one) => one.reason);
    expect(events(seen)).toEqual(['ForgeForbidden']);
    expect(events(again)).toEqual([]);
  });

  it.each([
    ['RateLimited', 2, 'False'],
    ['RateLimited', 3, 'True'],
    ['Refused', 1, 'True'],
  ] as const)('%s, %i times in a row: Degraded %s, and runners are made', (reason, failures, status) => {
    const seen = forgePool([], { forge: trouble(reason, failures, false) }, { replicas: 1 });
    expect(typesOf(seen)).toEqual(['CreateRunner']);
    expect(degraded(seen)?.status).toBe(status);
  });

  it('is not said before the forge was asked; no runner is made till then', () => {
    const forge: AskedForge = { ...fine, standing: 'Unknown', askedAtMs: undefined };
    const seen = forgePool([], { forge }, { replicas: 1 });
    expect(typesOf(seen)).toEqual([]);
    expect(degraded(seen)?.status).toBe('False');
  });
});

describe('the finalizer of the forge', () => {
  it('stands before the first runner', () => {
    const seen = forgePool([], {}, { replicas: 1 });
    expect(typesOf({ ...seen, pool: { ...seen.pool, hasForgeFinalizer: false } })).toEqual([
      'AddForgeFinalizer',
      'CreateRunner',
    ]);
  });

  function ending(runners: Runner[], forge: AskedForge, waited?: number): Observed {
    const seen = forgePool(runners, { forge });
    const condition = {
      type: FORGE_CLEANUP,
      status: 'False' as const,
      reason: 'RemovingRecords',
      message: '',
      lastTransitionTime: new Date(secondsAgo(waited ?? 0)).toISOString(),
    };
    const { status } = plan(seen, NOW);
    const conditions = waited === undefined ? [] : [condition];
    const gone = { deleting: true, hasDrainFinalizer: false, status: { ...status, conditions } };
    return { ...seen, pool: { ...seen.pool, ...gone } };
  }
  const left = { ...fine, records: [record('left')] };

  it.each<[string, Observed, string[]]>([
    ['waits for the pods', ending([forgeRunner(0, 'Busy')], fine), []],
    ['waits for an answer from after the last pod', ending([], fine), []],
    ['goes after it', ending([], { ...fine, askedAtMs: secondsAgo(5) }, 10), ['RemoveForgeFinalizer']],
    ['removes what is left', ending([], left, 10), ['RemoveRecord']],
    ['waits for a forge that is away', ending([], { ...left, standing: 'Failing' }, 299), []],
    ['but only so long', ending([], { ...left, standing: 'Failing' }, 300), ['RemoveForgeFinalizer']],
    ['waits for a record that is being made', ending([], { ...fine, joining: ['x'] }, 10), []],
  ])('%s', (_, seen, types) => {
    expect(typesOf(seen).filter((one) => one !== 'StartDrain')).toEqual(types);
  });

  it('names what was left', () => {
    const seen = ending([], { ...left, standing: 'Failing' }, 301);
    const { actions, status } = plan(seen, NOW);
    expect(poolEvents(seen, actions, status)).toContainEqual(
      expect.objectContaining({ reason: 'ForgeRecordsLeft', message: expect.stringContaining('left') }),
    );
  });
});

describe('spec.autoscaling', () => {
  const autoscaling = { min: 0, max: 5, minIdle: 0, scaleDownDelay: '1m' };

  it('makes the runners of the new number in the same round, after it is written', () => {
    const seen = forgePool([forgeRunner(0, 'Busy')], { forge: { ...fine, queued: 2 } }, { autoscaling });
    expect(plan(seen, NOW).actions).toMatchObject([
      { type: 'SetReplicas', from: 1, to: 3 },
      { type: 'CreateRunner', slot: 1 },
      { type: 'CreateRunner', slot: 2 },
    ]);
  });

  it('counts a job once whose runner has got it since the forge was asked', () => {
    const busy = forgeRunner(0, 'Busy');
    const since = {
      ...busy,
      token: { phase: 'Active' as const, state: 'Busy' as const, busySinceMs: secondsAgo(1) },
    };
    const seen = forgePool([since], { forge: { ...fine, queued: 1 } }, { autoscaling });
    expect(typesOf(seen)).toEqual([]);
  });

  it('says that the queue is not known, and goes by the busy ones', () => {
    const { queued: _, ...unknown } = fine;
    const seen = forgePool([forgeRunner(0, 'Busy')], { forge: unknown }, { autoscaling });
    const { actions, status } = plan(seen, NOW);
    expect(actions).toEqual([]);
    expect(status.conditions.find((one) => one.type === 'Autoscaling')).toMatchObject({
      reason: 'QueueUnknown',
    });
  });

  it('that is not given leaves replicas to whoever sets them', () => {
    const seen = forgePool([forgeRunner(0, 'Idle')], { forge: { ...fine, queued: 50 } });
    const { actions, status } = plan(seen, NOW);
    expect(actions).toEqual([]);
    expect(status.queued).toBe(50);
    expect(status.conditions.map((one) => one.type)).not.toContain('Autoscaling');
  });
});
