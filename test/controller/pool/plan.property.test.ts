import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Observed } from '../../../src/controller/pool/observed.ts';
import { isLive, standingOf } from '../../../src/controller/pool/standing.ts';
import { type Mishap, SimulatedCluster } from './simulated_cluster.ts';

const pick = fc.nat({ max: 50 });
const onRunner = (
  what: 'start' | 'takeJob' | 'finish' | 'crash' | 'vanish' | 'delete' | 'terminated' | 'revoke',
) => fc.record({ do: fc.constant(what), pick });

const mishap: fc.Arbitrary<Mishap> = fc.oneof(
  { weight: 4, arbitrary: onRunner('start') },
  { weight: 3, arbitrary: onRunner('takeJob') },
  { weight: 3, arbitrary: onRunner('finish') },
  { weight: 2, arbitrary: onRunner('vanish') },
  { weight: 1, arbitrary: onRunner('crash') },
  { weight: 1, arbitrary: onRunner('delete') },
  { weight: 1, arbitrary: onRunner('terminated') },
  { weight: 1, arbitrary: onRunner('revoke') },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), seconds: fc.nat({ max: 400 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('scale' as const), replicas: fc.nat({ max: 8 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('retemplate' as const),
      hash: fc.constantFrom('hash-a', 'hash-b', 'hash-c'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('strategy' as const),
      type: fc.constantFrom('Replace' as const, 'OnFinish' as const),
      maxSurge: fc.nat({ max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'loseStatus' as const }) },
);

const beginning = fc.record({
  replicas: fc.nat({ max: 8 }),
  lifecycle: fc.record({
    drainTimeout: fc.constantFrom('0s', '60s', '10m'),
    startupTimeout: fc.constantFrom('30s', '10m'),
    onDelete: fc.constantFrom('Drain', 'Delete'),
    maxAttempts: fc.constantFrom(1, 5),
  }),
});

/** What must hold of every single plan, whatever came before. */
function check(cluster: SimulatedCluster, { before, planned }: ReturnType<SimulatedCluster['round']>): void {
  const { spec, deleting } = before.pool;
  const live = cluster.runners.filter(isLive).length;
  const created = planned.actions.filter((one) => one.type === 'CreateRunner').length;
  if (created > 0) {
    expect(live).toBeLessThanOrEqual(spec.replicas + spec.updateStrategy.maxSurge);
    expect(deleting).toBe(false);
  }
  for (const action of planned.actions)
    if (action.type === 'DeleteRunner') checkDeletion(before, action.runner.uid, cluster);
  expect(planned.status.replicas).toBe(live);
}

function checkDeletion(before: Observed, uid: string, cluster: SimulatedCluster): void {
  const runner = before.runners.find((one) => one.uid === uid);
  expect(runner, 'only what was seen is deleted').toBeDefined();
  if (runner === undefined || standingOf(runner) !== 'Busy') return;
  if (before.pool.deleting && before.pool.spec.lifecycle.onDelete === 'Delete') return;
  const since = runner.drainSinceMs ?? cluster.nowMs;
  expect(cluster.nowMs - since, 'a busy runner was deleted too early').toBeGreaterThanOrEqual(
    cluster.drainTimeoutMs(),
  );
}

/** Lets time and the runners take their course until a plan has nothing to do; answers how many rounds it took. */
function converge(cluster: SimulatedCluster, most: number): number {
  for (let rounds = 1; rounds <= most; rounds += 1) {
    cluster.settle();
    const round = cluster.round();
    check(cluster, round);
    if (cluster.gone) return rounds;
    const idle = cluster.runners.filter((one) => standingOf(one) === 'Idle').length;
    // An old runner may stay for long, while the one that is to replace it waits for its back-off.
    const current = cluster.runners.every((one) => one.templateHash === cluster.templateHash);
    const asAsked = current && idle === cluster.pool.spec.replicas && idle === cluster.runners.length;
    if (round.planned.actions.length === 0 && asAsked) return rounds;
    cluster.nowMs += Math.min(round.planned.againAfterMs ?? 1_000, 600_000);
  }
  return Number.POSITIVE_INFINITY;
}

describe('plan in a simulated cluster', () => {
  it('keeps its limits through whatever happens and then converges', () => {
    fc.assert(
      fc.property(beginning, fc.array(mishap, { maxLength: 60 }), (changes, mishaps) => {
        const cluster = new SimulatedCluster(changes, []);
        for (const one of mishaps) {
          cluster.befall(one);
          check(cluster, cluster.round());
        }
        cluster.befall({ do: 'strategy', type: 'Replace', maxSurge: 1 });
        expect(converge(cluster, 80)).toBeLessThan(80);
        const idle = cluster.runners.filter((one) => standingOf(one) === 'Idle');
        expect(idle).toHaveLength(cluster.pool.spec.replicas);
        expect(idle.every((one) => one.templateHash === cluster.templateHash)).toBe(true);
        expect(cluster.pool.status?.conditions.find((one) => one.type === 'Ready')?.status).toBe('True');
      }),
      { numRuns: 400 },
    );
  });

  it('fills every slot that can start, whatever the failing ones do', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.uniqueArray(fc.nat({ max: 7 }), { maxLength: 7 }),
        fc.array(mishap, { maxLength: 30 }),
        (replicas, failing, mishaps) => {
          const cluster = new SimulatedCluster({ replicas }, failing);
          for (const one of mishaps) {
            if (one.do === 'scale' || one.do === 'strategy') continue;
            cluster.befall(one);
            check(cluster, cluster.round());
          }
          for (let rounds = 0; rounds < 40; rounds += 1) {
            cluster.settle();
            check(cluster, cluster.round());
            // So that slots in which a start has failed once get their second.
            cluster.befall({ do: 'advance', seconds: 30 });
          }
          const able = Array.from({ length: replicas }, (_, slot) => slot).filter(
            (slot) => !cluster.failing.has(slot),
          );
          const filled = cluster.runners.filter((one) => isLive(one) && one.token?.state !== undefined);
          expect(filled.map((one) => one.slot).sort()).toEqual(able);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('ends a deleted pool with nothing left', () => {
    fc.assert(
      fc.property(beginning, fc.array(mishap, { maxLength: 30 }), (changes, mishaps) => {
        const cluster = new SimulatedCluster(changes, []);
        for (const one of mishaps) {
          cluster.befall(one);
          check(cluster, cluster.round());
        }
        cluster.befall({ do: 'removePool' });
        for (let rounds = 0; rounds < 10 && !cluster.gone; rounds += 1) {
          check(cluster, cluster.round());
          cluster.settle();
        }
        const waits = cluster.pool.spec.lifecycle.onDelete === 'Drain';
        if (waits) expect(cluster.gone).toBe(true);
        expect(cluster.runners.filter(isLive)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('made twice from the same observation, makes the same pods by name', () => {
    fc.assert(
      fc.property(beginning, fc.array(mishap, { maxLength: 30 }), (changes, mishaps) => {
        const cluster = new SimulatedCluster(changes, []);
        for (const one of mishaps) {
          cluster.befall(one);
          const stale = cluster.observe();
          const first = cluster.round().planned.actions.filter((action) => action.type === 'CreateRunner');
          const names = new Set(first.map((action) => `${action.slot}/${action.serial}`));
          const again = new SimulatedCluster(changes, []);
          again.pool = stale.pool;
          again.runners = [...stale.runners];
          again.templateHash = stale.templateHash;
          again.nowMs = cluster.nowMs;
          const second = again.round().planned.actions.filter((action) => action.type === 'CreateRunner');
          for (const action of second) expect(names).toContain(`${action.slot}/${action.serial}`);
        }
      }),
      { numRuns: 50 },
    );
  });
});
