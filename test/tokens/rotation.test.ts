import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { PublicKeySet } from '../../src/tokens/jwks.ts';
import { makeSigningKey, publicKeySetOf, type SigningKey } from '../../src/tokens/keys.ts';
import {
  type KeyAction,
  keyThatSigns,
  type ObservedKeys,
  planKeys,
  type RotationPolicy,
} from '../../src/tokens/rotation.ts';
import { NOW } from './builders.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const POLICY: RotationPolicy = {
  rotateEveryMs: 24 * HOUR,
  publishLeadMs: 5 * MINUTE,
  longestTokenMs: 2 * HOUR,
};

/** Real pairs, made once: the plan looks at the public halves only by comparing them. */
let pairs: SigningKey[];
beforeAll(async () => {
  pairs = await Promise.all(Array.from({ length: 24 }, () => makeSigningKey(NOW)));
});

const later = (ms: number) => new Date(NOW.getTime() + ms);
function key(index: number, createdMs: number, publishedMs?: number): SigningKey {
  const pair = pairs[index];
  if (pair === undefined) throw new Error('not so many pairs');
  return {
    jwk: pair.jwk,
    createdAt: later(createdMs).toISOString(),
    ...(publishedMs === undefined ? {} : { publishedAt: later(publishedMs).toISOString() }),
  };
}
const observed = (keys: SigningKey[], rest: Partial<ObservedKeys> = {}): ObservedKeys => ({
  keys,
  published: publicKeySetOf(keys),
  ...rest,
});

test('makes the first key, publishes it, marks it, and signs with it at once', () => {
  expect(planKeys(observed([]), NOW, POLICY)).toEqual({ do: 'make', reason: 'NoKeys' });
  const unpublished = [key(0, 0)];
  expect(planKeys({ keys: unpublished, published: undefined }, NOW, POLICY)).toEqual({
    do: 'publish',
    set: publicKeySetOf(unpublished),
  });
  expect(keyThatSigns(unpublished, NOW, POLICY)).toBeUndefined();
  expect(planKeys(observed(unpublished), NOW, POLICY)).toEqual({
    do: 'mark-published',
    kids: [unpublished[0]?.jwk.kid],
  });
  const marked = [key(0, 0, 1000)];
  expect(keyThatSigns(marked, later(1000), POLICY)).toBe(marked[0]);
});

test('rests until the next change that time brings', () => {
  const keys = [key(0, 0, 0)];
  expect(planKeys(observed(keys), later(HOUR), POLICY)).toEqual({ do: 'nothing', againMs: 23 * HOUR });
});

test('makes the next key in time for it to be ripe when the old one has signed long enough', () => {
  const keys = [key(0, 0, 0)];
  expect(planKeys(observed(keys), later(24 * HOUR - 1), POLICY).do).toBe('nothing');
  expect(planKeys(observed(keys), later(24 * HOUR), POLICY)).toEqual({ do: 'make', reason: 'Scheduled' });
});

test('lets a key sign only when it has been published for the lead', () => {
  const keys = [key(0, 0, 0), key(1, 24 * HOUR, 24 * HOUR)];
  const ripe = 24 * HOUR + POLICY.publishLeadMs;
  expect(keyThatSigns(keys, later(ripe - 1), POLICY)).toBe(keys[0]);
  expect(keyThatSigns(keys, later(ripe), POLICY)).toBe(keys[1]);
});

test('drops a key when the last token it signed has expired, then takes it from the published set', () => {
  const keys = [key(0, 0, 0), key(1, 24 * HOUR, 24 * HOUR)];
  const spent = 24 * HOUR + POLICY.publishLeadMs + POLICY.longestTokenMs;
  expect(planKeys(observed(keys), later(spent - 1), POLICY)).toEqual({ do: 'nothing', againMs: 1 });
  expect(planKeys(observed(keys), later(spent), POLICY)).toEqual({ do: 'drop', kids: [keys[0]?.jwk.kid] });
  const left = keys.slice(1);
  expect(planKeys({ keys: left, published: publicKeySetOf(keys) }, later(spent), POLICY)).toEqual({
    do: 'publish',
    set: publicKeySetOf(left),
  });
});

test('rotates when asked to, once for each time it is asked', () => {
  const keys = [key(0, 0, 0)];
  const asked = { rotateRequestedAt: later(HOUR) };
  expect(planKeys(observed(keys, asked), later(HOUR), POLICY)).toEqual({ do: 'make', reason: 'Requested' });
  const made = [...keys, key(1, HOUR + 1, HOUR + 1)];
  expect(planKeys(observed(made, asked), later(HOUR + 2), POLICY).do).toBe('nothing');
  const again = { rotateRequestedAt: later(2 * HOUR) };
  expect(planKeys(observed(made, again), later(2 * HOUR), POLICY).do).toBe('make');
});

test.each([
  ['is gone', () => undefined],
  ['has a key too many', () => publicKeySetOf([key(0, 0), key(1, 0)])],
  ['lacks a key', () => ({ keys: [] })],
  [
    'was tampered with',
    () => ({ keys: publicKeySetOf([key(0, 0)]).keys.map((one) => ({ ...one, x: one.y })) }),
  ],
] as [string, () => PublicKeySet | undefined][])(
  'publishes again when the published set %s',
  (_what, make) => {
    const keys = [key(0, 0, 0)];
    const action = planKeys({ keys, published: make() }, later(HOUR), POLICY);
    expect(action).toEqual({ do: 'publish', set: publicKeySetOf(keys) });
  },
);

test('publishes no private half', () => {
  expect(JSON.stringify(publicKeySetOf([key(0, 0, 0)]))).not.toContain('"d"');
});

interface World {
  keys: SigningKey[];
  published: PublicKeySet | undefined;
}

/** What one write leaves behind; `fresh` gives the pair that a `make` makes. */
function after(world: World, action: KeyAction, now: number, fresh: () => number): World {
  const { keys } = world;
  switch (action.do) {
    case 'make':
      return { ...world, keys: [...keys, key(fresh(), now)] };
    case 'publish':
      return { ...world, published: action.set };
    case 'drop':
      return { ...world, keys: keys.filter((one) => !action.kids.includes(one.jwk.kid)) };
    case 'mark-published': {
      const publishedAt = later(now).toISOString();
      const mark = (one: SigningKey) => (action.kids.includes(one.jwk.kid) ? { ...one, publishedAt } : one);
      return { ...world, keys: keys.map(mark) };
    }
    default:
      return world;
  }
}

const kidsOf = (set: PublicKeySet | undefined) => new Set(set?.keys.map((one) => one.kid));

/** Notes since when each kid has been in the published set without a break. */
function look(seenSince: Map<string, number>, kids: Set<string>, now: number): void {
  for (const kid of seenSince.keys()) if (!kids.has(kid)) seenSince.delete(kid);
  for (const kid of kids) if (!seenSince.has(kid)) seenSince.set(kid, now);
}

/** Time goes on, someone may ask for a rotation, and the controller makes so many writes before it dies. */
const step = fc.record({
  passMs: fc.oneof(fc.integer({ min: 1, max: 2 * MINUTE }), fc.integer({ min: 1, max: 9 * HOUR })),
  writes: fc.integer({ min: 0, max: 6 }),
  request: fc.integer({ min: 0, max: 9 }).map((roll) => roll > 7),
});

test('a signing key was always published for the lead; a living token always verifies', () => {
  let rotations = 0;
  const life = (steps: { passMs: number; writes: number; request: boolean }[]) => {
    let now = 0;
    let used = 0;
    let world: World = { keys: [], published: undefined };
    let rotateRequestedAt: Date | undefined;
    const seenSince = new Map<string, number>();
    const tokens: { kid: string; exp: number }[] = [];
    for (const { passMs, writes, request } of steps) {
      now += passMs;
      if (request) rotateRequestedAt = later(now);
      for (let i = 0; i < writes && used < pairs.length; i++) {
        world = after(
          world,
          planKeys({ ...world, rotateRequestedAt }, later(now), POLICY),
          now,
          () => used++,
        );
      }
      const kids = kidsOf(world.published);
      look(seenSince, kids, now);

      const signer = keyThatSigns(world.keys, later(now), POLICY);
      // Once there is a key that signs there always is one.
      expect(signer !== undefined || tokens.length === 0).toBe(true);
      if (signer !== undefined) {
        const { kid } = signer.jwk;
        // The first key of all may sign at once; any other was in reach of every verifier for the lead.
        const lead = kid === pairs[0]?.jwk.kid ? 0 : POLICY.publishLeadMs;
        expect(now - (seenSince.get(kid) ?? Number.POSITIVE_INFINITY)).toBeGreaterThanOrEqual(lead);
        tokens.push({ kid, exp: now + POLICY.longestTokenMs });
      }
      expect(tokens.filter((token) => token.exp > now && !kids.has(token.kid))).toEqual([]);
    }
    rotations += Math.max(0, new Set(tokens.map((token) => token.kid)).size - 1);
  };
  fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), life), { numRuns: 2000 });
  expect(rotations).toBeGreaterThan(300);
});

test('comes to rest from any state, and keeps a key that signs', () => {
  const found = fc.record({
    index: fc.nat(9),
    created: fc.integer({ min: -40 * HOUR, max: 0 }),
    published: fc.option(fc.nat(HOUR), { nil: undefined }),
  });
  const state = fc.record({
    found: fc.uniqueArray(found, { selector: (one) => one.index, maxLength: 6 }),
    shown: fc.option(fc.subarray([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), { nil: undefined }),
  });
  fc.assert(
    fc.property(state, ({ found, shown }) => {
      let fresh = 10;
      let world: World = {
        keys: found.map(({ index, created, published }) =>
          key(index, created, published === undefined ? undefined : created + published),
        ),
        published: shown && publicKeySetOf(shown.map((index) => key(index, 0))),
      };
      for (let i = 0; i < 20; i++) {
        const action = planKeys(world, NOW, POLICY);
        if (action.do === 'nothing') {
          expect(action.againMs).toBeGreaterThan(0);
          expect(keyThatSigns(world.keys, NOW, POLICY)).toBeDefined();
          return;
        }
        world = after(world, action, 0, () => fresh++);
      }
      throw new Error('did not come to rest');
    }),
    { numRuns: 2000 },
  );
});
