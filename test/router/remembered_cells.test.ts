import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rememberCells } from '../../src/router/remembered_cells.ts';
import { cellOfBearer } from '../../src/tokens/routable/cell_of_bearer.ts';
import { jwtSaying } from './bearers.ts';

test('answers as if it remembered nothing, whatever is asked in whatever order', () => {
  const bearers = [...'123456'].map((cell) => jwtSaying({ cell }));
  bearers.push('plain', 'a.b.c.d', '');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(fc.constantFrom(...bearers)), (most, asked) => {
      const cellOf = rememberCells(most);
      for (const bearer of asked) expect(cellOf(bearer)).toEqual(cellOfBearer(bearer));
    }),
  );
});

test('remembers what was asked lately, and nothing that is malformed', () => {
  const cellOf = rememberCells(2);
  const [first, second, third] = ['1', '2', '3'].map((cell) => jwtSaying({ cell })) as [
    string,
    string,
    string,
  ];
  const seen = cellOf(first);
  expect(cellOf(first)).toBe(seen);
  cellOf(second);
  cellOf(third);
  expect(cellOf(first)).toBe(seen);
  expect(cellOf('a.b.c.d')).not.toBe(cellOf('a.b.c.d'));
});
