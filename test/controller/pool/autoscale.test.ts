import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { autoscale, type Demand } from '../../../src/controller/pool/autoscale.ts';
import type { AutoscalingStatus } from '../../../src/resources/pool_autoscaling.ts';
import { NOW, secondsAgo } from './builders.ts';

const rule = { min: 1, max: 10, minIdle: 1, scaleDownDelay: '2m' };

function demand(changes: Partial<Demand> = {}): Demand {
  return { queued: 0, busy: 0, stale: false, ...changes };
}

function since(seconds: number, mostSince: number): AutoscalingStatus {
  return { fewerSince: new Date(secondsAgo(seconds)).toISOString(), mostSince };
}

describe('autoscale', () => {
  it.each<[string, number, Demand, AutoscalingStatus | undefined, number]>([
    ['more at once', 1, demand({ queued: 3, busy: 2 }), undefined, 6],
    ['never above max', 5, demand({ queued: 30 }), undefined, 10],
    ['never below min', 0, demand(), undefined, 1],
    ['as many as are needed stay', 4, demand({ busy: 3 }), since(500, 2), 4],
    ['not fewer at once', 6, demand({ busy: 2 }), undefined, 6],
    ['not fewer before the delay is over', 6, demand({ busy: 2 }), since(119, 3), 6],
    ['fewer after it', 6, demand({ busy: 2 }), since(120, 3), 3],
    ['then as many as were needed most meanwhile', 6, demand({ busy: 1 }), since(300, 5), 5],
    ['down to a lowered max at once', 20, demand({ busy: 3 }), undefined, 10],
    ['nothing less while the forge does not answer', 6, demand({ stale: true, busy: 2 }), since(500, 3), 6],
    ['but more, for what is busy', 2, demand({ stale: true, busy: 4, queued: undefined }), undefined, 5],
    [
      'by the busy ones where the queue is not known',
      6,
      demand({ queued: undefined, busy: 3 }),
      since(500, 4),
      4,
    ],
    ['what was noted of another time does not count', 6, demand({ busy: 1 }), since(500, 9), 6],
    ['nor what is to come', 6, demand({ busy: 1 }), since(-60, 2), 6],
  ])('%s', (_, replicas, wanted, before, expected) => {
    expect(autoscale(rule, replicas, wanted, before, NOW).replicas).toBe(expected);
  });

  it('says when it wants to be asked again', () => {
    expect(autoscale(rule, 6, demand(), since(90, 3), NOW).againAfterMs).toBe(30_000);
    expect(autoscale(rule, 1, demand(), undefined, NOW).againAfterMs).toBeUndefined();
  });

  /** A queue over time: seconds until the next look, and what it then sees. */
  const course = fc.array(
    fc.record({
      seconds: fc.integer({ min: 1, max: 60 }),
      queued: fc.option(fc.nat({ max: 20 }), { nil: undefined }),
      busy: fc.nat({ max: 12 }),
      stale: fc.boolean(),
    }),
    { minLength: 1, maxLength: 60 },
  );
  const rules = fc
    .record({ min: fc.nat({ max: 5 }), span: fc.nat({ max: 10 }), minIdle: fc.nat({ max: 3 }) })
    .map(({ min, span, minIdle }) => ({ min, max: min + span, minIdle, scaleDownDelay: '2m' }));

  function run(
    autoscaling: typeof rule,
    looks: readonly (Demand & { seconds: number })[],
    visit: (before: number, result: ReturnType<typeof autoscale>, nowMs: number) => void,
  ): void {
    let replicas = autoscaling.min;
    let status: AutoscalingStatus | undefined;
    let nowMs = NOW.getTime();
    for (const look of looks) {
      nowMs += look.seconds * 1000;
      const result = autoscale(autoscaling, replicas, look, status, new Date(nowMs));
      visit(replicas, result, nowMs);
      ({ replicas, status } = result);
    }
  }

  it('stays within its bounds and never has fewer than are needed, whatever the queue does', () => {
    fc.assert(
      fc.property(rules, course, (autoscaling, looks) => {
        run(autoscaling, looks, (_, { replicas, needed }) => {
          expect(replicas).toBeGreaterThanOrEqual(Math.max(autoscaling.min, needed));
          expect(replicas).toBeLessThanOrEqual(autoscaling.max);
        });
      }),
    );
  });

  it('does not flap: what it takes away was not needed for all of the delay, nor given within it', () => {
    fc.assert(
      fc.property(rules, course, (autoscaling, looks) => {
        const past: { atMs: number; needed: number }[] = [];
        let lastMs = Number.NEGATIVE_INFINITY;
        run(autoscaling, looks, (before, { replicas, needed }, nowMs) => {
          past.push({ atMs: nowMs, needed });
          if (replicas < before) {
            const delay = past.filter((one) => one.atMs > nowMs - 120_000);
            for (const one of delay) expect(one.needed).toBeLessThanOrEqual(replicas);
            expect(nowMs - lastMs).toBeGreaterThanOrEqual(120_000);
          }
          if (replicas !== before) lastMs = nowMs;
        });
      }),
    );
  });

  it('takes nothing away while the forge does not answer', () => {
    fc.assert(
      fc.property(rules, course, (autoscaling, looks) => {
        run(
          autoscaling,
          looks.map((one) => ({ ...one, stale: true })),
          (before, { replicas }) => expect(replicas).toBeGreaterThanOrEqual(before),
        );
      }),
    );
  });
});
