import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  type Claim,
  type ClaimVerdict,
  claimFor,
  givenBack,
  type HandOutCall,
  handedOut,
  REPEAT_MS,
} from '../../../src/runtime/hand_out/claim.ts';

const NOW = new Date('2026-11-21T08:00:00.000Z');
const CLAIM_MS = 15_000;
const ago = (ms: number) => new Date(NOW.getTime() - ms).toISOString();

const short = (verdict: ClaimVerdict): string => (verdict.may ? 'may' : verdict.why);

test.each<[what: string, before: Claim | undefined, call: string | undefined, verdict: string]>([
  ['nobody asked before', undefined, undefined, 'may'],
  ['another asks at this moment', { request: 'r', claimedAt: ago(10) }, undefined, 'InProgress'],
  [
    'another asks at this moment, both keyed',
    { request: 'r', claimedAt: ago(10), call: 'a' },
    'b',
    'InProgress',
  ],
  ['the same call asks again', { request: 'r', claimedAt: ago(10), call: 'a' }, 'a', 'may'],
  ['another asked, and died', { request: 'r', claimedAt: ago(CLAIM_MS) }, undefined, 'may'],
  ['it was handed out', { request: 'r', claimedAt: ago(50), handedOutAt: ago(10) }, undefined, 'HandedOut'],
  [
    'to another call',
    { request: 'r', claimedAt: ago(50), handedOutAt: ago(10), call: 'a' },
    'b',
    'HandedOut',
  ],
  ['long ago', { request: 'r', claimedAt: ago(9e9), handedOutAt: ago(9e9) }, undefined, 'HandedOut'],
  ['to this very call', { request: 'r', claimedAt: ago(50), handedOutAt: ago(10), call: 'a' }, 'a', 'may'],
  [
    'to this very call, too long ago',
    { request: 'r', claimedAt: ago(50), handedOutAt: ago(REPEAT_MS), call: 'a' },
    'a',
    'HandedOut',
  ],
])('%s', (_what, before, call, verdict) => {
  expect(short(claimFor(before, { request: 'mine', call }, NOW, CLAIM_MS))).toBe(verdict);
});

it('says when another may ask', () => {
  const verdict = claimFor({ request: 'r', claimedAt: ago(5_000) }, { request: 'mine' }, NOW, CLAIM_MS);
  expect(verdict).toEqual({ may: false, why: 'InProgress', againAfterMs: CLAIM_MS - 5_000 });
});

it('a claim that another call has taken over is neither finished nor given back', () => {
  const theirs = { request: 'theirs', claimedAt: ago(10) };
  expect(handedOut(theirs, { request: 'mine' }, NOW)).toBeUndefined();
  expect(handedOut(undefined, { request: 'mine' }, NOW)).toBeUndefined();
  expect(givenBack(theirs, { request: 'mine' })).toBe(theirs);
  expect(givenBack(theirs, { request: 'theirs' })).toBeUndefined();
  const had = { ...theirs, handedOutAt: ago(5) };
  expect(givenBack(had, { request: 'theirs' })).toBe(had);
});

describe('whatever calls come, break off or die, in whatever order', () => {
  /** One step of some replica: a new call, or the next step of one that is under way. */
  const step = fc.record({
    kind: fc.constantFrom('ask', 'finish', 'fail', 'die'),
    key: fc.constantFrom(undefined, 'a', 'b'),
    which: fc.nat(5),
    ms: fc.constantFrom(0, 10, 3_000, CLAIM_MS, REPEAT_MS),
  });

  it('one call gets it, by whichever of its requests, and no other', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const replicas = new Replicas();
        for (const { kind, key, which, ms } of steps) {
          replicas.now += ms;
          if (kind === 'ask') replicas.ask(key);
          else replicas.end(kind, which);
        }
        const { got, state } = replicas;
        expect(got.length <= 1 || (new Set(got).size === 1 && got[0] !== undefined)).toBe(true);
        expect(state?.handedOutAt !== undefined).toBe(got.length > 0);
      }),
      { numRuns: 2_000 },
    );
  });

  it('nothing that broke off keeps it for good from the next', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('fail', 'die'), { maxLength: 10 }), (ends) => {
        let state: Claim | undefined;
        let now = NOW.getTime();
        for (const [n, end] of ends.entries()) {
          const call = { request: `r${n}` };
          const verdict = claimFor(state, call, new Date(now), CLAIM_MS);
          expect(verdict.may).toBe(true);
          if (verdict.may) state = verdict.claim;
          if (end === 'fail') state = givenBack(state, call);
          now += CLAIM_MS;
        }
        expect(claimFor(state, { request: 'last' }, new Date(now), CLAIM_MS).may).toBe(true);
      }),
    );
  });
});

/** All replicas with what they have under way, over the one status that they write to. */
class Replicas {
  state: Claim | undefined;
  now = NOW.getTime();
  /** Keys of the calls that were answered with the credential. */
  readonly got: (string | undefined)[] = [];
  private readonly open: HandOutCall[] = [];
  private requests = 0;

  ask(call: string | undefined): void {
    const asked = { request: `r${++this.requests}`, call };
    const verdict = claimFor(this.state, asked, new Date(this.now), CLAIM_MS);
    if (!verdict.may) return;
    this.state = verdict.claim;
    this.open.push(asked);
  }

  end(how: string, which: number): void {
    const [call] = this.open.splice(which % Math.max(1, this.open.length), 1);
    if (call === undefined || how === 'die') return;
    if (how === 'fail') {
      this.state = givenBack(this.state, call);
      return;
    }
    const after = handedOut(this.state, call, new Date(this.now));
    if (after === undefined) return;
    this.state = after;
    this.got.push(call.call);
  }
}
