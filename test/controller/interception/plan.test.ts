import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  ObservedInterception,
  SeenAuthority,
  SeenServed,
} from '../../../src/controller/interception/observed.ts';
import { type InterceptionAction, planInterception } from '../../../src/controller/interception/plan.ts';
import { INTERCEPTION_POLICY as POLICY } from '../../../src/controller/interception/policy.ts';

const HOST = 'results.example.com';
const DAY = 24 * 3600_000;
const BEGIN = Date.parse('2026-11-21T08:00:00Z');

/** A pool's two Secrets without a cluster: does what is planned, unless it is killed in between. */
class Simulated {
  nowMs = BEGIN;
  seen: ObservedInterception = { host: HOST, inUse: true };
  /** Every authority that ever signed a leaf, in turns, with the time at which it began to. */
  readonly signers: { id: string; atMs: number }[] = [];
  #made = 0;

  next(): InterceptionAction {
    return planInterception(this.seen, new Date(this.nowMs), POLICY);
  }

  carryOut(action: InterceptionAction): void {
    const { authorities = [], served } = this.seen;
    const ids = 'ids' in action ? action.ids : [];
    switch (action.do) {
      case 'make-authority':
        this.seen.authorities = [...authorities, this.#newAuthority()];
        break;
      case 'serve':
        this.seen.served = this.#served(action, authorities, served);
        break;
      case 'mark-published':
        this.seen.authorities = authorities.map((one) =>
          ids.includes(one.id) ? { ...one, publishedAt: new Date(this.nowMs) } : one,
        );
        break;
      case 'drop-authorities':
        this.seen.authorities = authorities.filter(({ id }) => !ids.includes(id));
        break;
      case 'remove':
        this.seen = { inUse: this.seen.inUse };
    }
  }

  #newAuthority(): SeenAuthority {
    this.#made += 1;
    return { id: `ca-${this.#made}`, host: HOST, notAfter: new Date(this.nowMs + POLICY.authorityLifeMs) };
  }

  #served(
    { issuer, trusted, fresh }: Extract<InterceptionAction, { do: 'serve' }>,
    authorities: readonly SeenAuthority[],
    before: SeenServed | undefined,
  ): SeenServed {
    const end = authorities.find(({ id }) => id === issuer)?.notAfter.getTime() ?? 0;
    if (fresh && this.signers.at(-1)?.id !== issuer) this.signers.push({ id: issuer, atMs: this.nowMs });
    const made = { issuer, notAfter: new Date(Math.min(this.nowMs + POLICY.leafLifeMs, end)) };
    const leaf = fresh ? made : before?.leaf;
    return { trusted, rootsCurrent: true, ...(leaf === undefined ? {} : { leaf }) };
  }

  /** To rest, as a reconcile does; the steps it took. */
  rest(): string[] {
    const steps: string[] = [];
    for (let action = this.next(); action.do !== 'nothing'; action = this.next()) {
      steps.push(action.do);
      expect(steps.length).toBeLessThan(8);
      this.carryOut(action);
    }
    return steps;
  }
}

describe('the plan of an interception', () => {
  it('makes an authority, then what the pods mount, and is ready', () => {
    const pool = new Simulated();
    expect(pool.rest()).toEqual(['make-authority', 'serve', 'mark-published']);
    expect(pool.next()).toEqual({
      do: 'nothing',
      ready: true,
      againMs: POLICY.leafLifeMs - POLICY.leafRenewMs,
    });
  });

  it('renews a leaf well before its end, by the same authority', () => {
    const pool = new Simulated();
    pool.rest();
    pool.nowMs += POLICY.leafLifeMs - POLICY.leafRenewMs;
    expect(pool.next()).toMatchObject({ do: 'serve', issuer: 'ca-1', trusted: ['ca-1'], fresh: true });
  });

  it('trusts a new authority for the overlap before it signs, and the old one until its end', () => {
    const pool = new Simulated();
    pool.rest();
    pool.nowMs += POLICY.authorityLifeMs - POLICY.authorityRenewMs;
    expect(pool.rest()).toContain('make-authority');
    expect(pool.seen.served).toMatchObject({ trusted: ['ca-1', 'ca-2'], leaf: { issuer: 'ca-1' } });
    pool.nowMs += POLICY.overlapMs - DAY;
    pool.rest();
    expect(pool.seen.served).toMatchObject({ leaf: { issuer: 'ca-1' } });
    pool.nowMs += DAY;
    pool.rest();
    expect(pool.seen.served).toMatchObject({ trusted: ['ca-1', 'ca-2'], leaf: { issuer: 'ca-2' } });
    pool.nowMs += POLICY.authorityRenewMs;
    pool.rest();
    expect(pool.seen.served).toMatchObject({ trusted: ['ca-2'], leaf: { issuer: 'ca-2' } });
    expect(pool.seen.authorities?.map(({ id }) => id)).toEqual(['ca-2']);
  });

  it.each<[string, (seen: ObservedInterception) => void, string[]]>([
    ['the Secret of the pods is gone', (seen) => delete seen.served, ['serve']],
    [
      'the authorities are gone',
      (seen) => delete seen.authorities,
      ['make-authority', 'serve', 'mark-published'],
    ],
    [
      'the roots of a new release are others',
      (seen) => Object.assign(seen.served ?? {}, { rootsCurrent: false }),
      ['serve'],
    ],
    ['the leaf is nobody`s', (seen) => delete seen.served?.leaf, ['serve']],
    [
      'the forge is at another host',
      (seen) => Object.assign(seen, { host: 'other.example.com', inUse: false }),
      ['make-authority'],
    ],
  ])('mends it when %s', (_what, change, steps) => {
    const pool = new Simulated();
    pool.rest();
    change(pool.seen);
    const first = pool.next();
    expect(first.do).toBe(steps[0]);
    if (pool.seen.host === HOST) expect(pool.rest()).toEqual(steps);
  });

  it('keeps a good leaf when only the roots are to be written', () => {
    const pool = new Simulated();
    pool.rest();
    Object.assign(pool.seen.served ?? {}, { rootsCurrent: false });
    expect(pool.next()).toMatchObject({ do: 'serve', fresh: false });
  });

  it('removes it once no pod may have it, and does nothing where nothing was asked for', () => {
    const pool = new Simulated();
    pool.rest();
    delete pool.seen.host;
    expect(pool.next()).toEqual({ do: 'nothing', ready: false, againMs: 15_000 });
    pool.seen.inUse = false;
    expect(pool.next()).toEqual({ do: 'remove' });
    pool.carryOut({ do: 'remove' });
    expect(pool.next()).toEqual({ do: 'nothing', ready: false });
  });

  it('holds over years, with steps that a crash cut off and a controller that was away for days', () => {
    const event = fc.oneof(
      fc.record({ do: fc.constant('step' as const) }),
      fc.record({ do: fc.constant('rest' as const), days: fc.integer({ min: 1, max: 9 }) }),
    );
    fc.assert(
      fc.property(fc.array(event, { minLength: 100, maxLength: 400 }), (events) => {
        const pool = new Simulated();
        pool.rest();
        for (const one of events) {
          if (one.do === 'step') {
            const action = pool.next();
            if (action.do !== 'nothing') pool.carryOut(action);
            continue;
          }
          const before = pool.seen.served?.trusted ?? [];
          pool.nowMs += one.days * DAY;
          // Nobody was there: the sidecars show a leaf that is good all the same.
          expect(pool.seen.served?.leaf?.notAfter.getTime()).toBeGreaterThan(pool.nowMs);
          pool.rest();
          const { leaf, trusted = [] } = pool.seen.served ?? {};
          // What the pods had read before knows whoever signs now.
          expect(before).toContain(leaf?.issuer);
          expect(trusted).toContain(leaf?.issuer);
          expect(leaf?.notAfter.getTime()).toBeGreaterThan(pool.nowMs + POLICY.leafRenewMs - 1);
        }
      }),
      { numRuns: 40 },
    );
  });
});
