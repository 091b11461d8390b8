import { expect, it } from 'vitest';
import { createStore } from '../../src/kube/store.ts';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import { createFallen } from '../../src/runtime/fallen.ts';
import { TOKEN_INDEXES } from '../../src/runtime/token_indexes.ts';
import { aToken } from '../tokens/builders.ts';

function parent(version: string, spec: Partial<RunnerToken['spec']>): RunnerToken {
  const { metadata } = aToken('join');
  return {
    metadata: { ...metadata, resourceVersion: version },
    spec: { type: 'Registration', usage: 'Reusable', poolRef: { name: 'linux' }, ...spec },
    status: { phase: 'Active', conditions: [] },
  };
}

it('remembers who fell, though the parent stands again, and knows nobody else', () => {
  const fallen = createFallen();
  const store = createStore<RunnerToken>(TOKEN_INDEXES, (change) => fallen.seen(change, store));
  const parentRef = { name: 'join', uid: 'uid-of-token-join' };
  const child = aToken('child', { parentRef });
  const stranger = aToken('stranger', { parentRef: { name: 'other', uid: 'other' } });
  for (const one of [parent('1', {}), child, stranger]) store.set(one);
  expect(fallen.has(child.metadata.uid)).toBe(false);
  store.set(parent('2', { active: false }));
  store.set(parent('3', { active: true }));
  expect(fallen.has(child.metadata.uid)).toBe(true);
  expect(fallen.has(stranger.metadata.uid)).toBe(false);
  const later = aToken('later', { parentRef });
  store.set(later);
  expect(fallen.has(later.metadata.uid)).toBe(false);
  store.delete(child);
  expect(fallen.has(child.metadata.uid)).toBe(false);
});
