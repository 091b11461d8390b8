import { expect, it } from 'vitest';
import { markOf } from '../../../src/controller/forge/record_mark.ts';
import type { ForgeRunner } from '../../../src/forges/forge.ts';

const NOW = new Date('2026-11-21T08:00:00Z');
const AT = '2026-11-21T08:00:00Z';
const record = { id: '7', name: 'harrier-1-a' };
const seen = (state: ForgeRunner['state']): ForgeRunner => ({ ...record, state });
const earlier = '2026-11-21T07:00:00Z';

it.each([
  ['offline yet', record, seen('Offline'), undefined],
  ['connected', record, seen('Idle'), { ...record, joinedAt: AT }],
  ['busy at once', record, seen('Busy'), { ...record, joinedAt: AT }],
  ['connected for long', { ...record, joinedAt: earlier }, seen('Idle'), undefined],
  ['offline for a moment', { ...record, joinedAt: earlier }, seen('Offline'), undefined],
  ['gone', { ...record, joinedAt: earlier }, undefined, { ...record, joinedAt: earlier, removedAt: AT }],
  ['gone for long', { ...record, removedAt: earlier }, undefined, undefined],
  [
    'there again',
    { ...record, joinedAt: earlier, removedAt: earlier },
    seen('Idle'),
    { ...record, joinedAt: earlier },
  ],
])('a record that is %s', (_, before, now, expected) => {
  expect(markOf(before, now, NOW)).toEqual(expected);
});
