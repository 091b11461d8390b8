import fc from 'fast-check';
import { expect, it } from 'vitest';
import { scopeWithin } from '../../../src/controller/registration/scope_within.ts';
import { supersederOf } from '../../../src/controller/registration/supersede.ts';
import type { EntityScope } from '../../../src/resources/entity.ts';
import type { RunnerToken } from '../../../src/resources/runner_token.ts';

const scopes: EntityScope[] = [
  { type: 'instance' },
  { type: 'organization', name: 'acme' },
  { type: 'repository', name: 'acme/app' },
];

const token = fc
  .record({
    second: fc.integer({ min: 0, max: 2 }),
    active: fc.boolean(),
    usage: fc.constantFrom('Reusable', 'OneTime'),
    supersedes: fc.option(fc.boolean(), { nil: undefined }),
    scope: fc.option(fc.constantFrom(...scopes), { nil: undefined }),
    uid: fc.uuid(),
  })
  .map(({ second, uid, ...spec }) => ({
    metadata: {
      name: uid,
      namespace: 'ci',
      uid,
      resourceVersion: '1',
      creationTimestamp: `2026-11-21T08:00:0${second}Z`,
    },
    spec: { type: 'Registration', poolRef: { name: 'linux' }, ...spec },
  })) as fc.Arbitrary<RunnerToken>;

/** Disables the superseded until nothing changes, each time in the order given; answers who is left. */
function settle(tokens: readonly RunnerToken[], poolScope: EntityScope | undefined): Set<string> {
  let now = [...tokens];
  for (let round = 0; round <= tokens.length; round++) {
    now = now.map((one) =>
      supersederOf(one, now, poolScope) === undefined
        ? one
        : { ...one, spec: { ...one.spec, active: false } },
    );
  }
  return new Set(now.filter((one) => one.spec.active !== false).map((one) => one.metadata.uid));
}

it('leaves the same ones active in whatever order they are seen, and of those that supersede one a scope', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(token, { maxLength: 8, selector: (one) => one.metadata.uid }),
      fc.option(fc.constantFrom(...scopes), { nil: undefined }),
      fc.nat(),
      (tokens, poolScope, turn) => {
        const shuffled = [...tokens.slice(turn % 8), ...tokens.slice(0, turn % 8)];
        const left = settle(tokens, poolScope);
        expect(settle(shuffled, poolScope)).toEqual(left);
        const active = tokens.filter((one) => one.spec.active !== false);
        for (const one of tokens.filter((each) => left.has(each.metadata.uid))) {
          const pushers = active.filter(
            (other) => supersederOf(one, [other], poolScope)?.metadata.uid === other.metadata.uid,
          );
          // Whoever could push it aside was pushed aside itself, which ends what it may do.
          expect(pushers.filter((other) => left.has(other.metadata.uid))).toEqual([]);
        }
        if (active.some((one) => one.spec.usage === 'Reusable' && one.spec.supersedes !== false))
          expect(left.size).toBeGreaterThan(0);
      },
    ),
    { numRuns: 2000 },
  );
});

it.each<[boolean, EntityScope | undefined, EntityScope | undefined]>([
  [true, undefined, { type: 'repository', name: 'acme/app' }],
  [true, { type: 'repository', name: 'acme/app' }, undefined],
  [true, { type: 'repository', name: 'acme/app' }, { type: 'instance' }],
  [true, { type: 'enterprise', name: 'corp' }, { type: 'instance' }],
  [true, { type: 'enterprise', name: 'corp' }, { type: 'enterprise', name: 'corp' }],
  [false, { type: 'enterprise', name: 'other' }, { type: 'enterprise', name: 'corp' }],
  [false, { type: 'organization', name: 'corp' }, { type: 'enterprise', name: 'corp' }],
  [false, { type: 'enterprise', name: 'acme' }, { type: 'organization', name: 'acme' }],
  [false, { type: 'repository', name: 'corp/app' }, { type: 'enterprise', name: 'corp' }],
  [true, { type: 'repository', name: 'acme/app' }, { type: 'organization', name: 'acme' }],
  [true, { type: 'repository', name: 'acme/sub/app' }, { type: 'organization', name: 'acme/sub' }],
  [false, { type: 'repository', name: 'other/app' }, { type: 'organization', name: 'acme' }],
  [false, { type: 'organization', name: 'acme' }, { type: 'repository', name: 'acme/app' }],
  [false, { type: 'instance' }, { type: 'organization', name: 'acme' }],
  [false, { type: 'repository', name: 'acme/other' }, { type: 'repository', name: 'acme/app' }],
])('%s: a token of %j lies within a pool of %j', (within, scope, pool) => {
  expect(scopeWithin(scope, pool)).toBe(within);
});
