import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pageLinks } from '../../../src/runtime/management/github_shape.ts';

const rels = (link: string | undefined) =>
  Object.fromEntries([...(link ?? '').matchAll(/<([^>]+)>; rel="(\w+)"/g)].map(([, url, rel]) => [rel, url]));

test('one page has no others', () => {
  expect(pageLinks('/x', { page: 1, perPage: 30, total: 30 })).toBeUndefined();
  expect(pageLinks('/x', { page: 1, perPage: 30, total: 0 })).toBeUndefined();
});

test('the query goes along, in its own encoding', () => {
  const { next } = rels(pageLinks('/x?key=a%26b&page=1', { page: 1, perPage: 1, total: 2 }));
  expect(new URL(next ?? '', 'http://h').searchParams.get('key')).toBe('a&b');
});

test('whoever follows next comes to the last page and sees each once', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 100 }), (total, perPage) => {
      const seen = [1];
      for (;;) {
        const { next } = rels(pageLinks('/x', { page: seen.at(-1) ?? 1, perPage, total }));
        if (next === undefined) break;
        seen.push(Number(new URL(next, 'http://h').searchParams.get('page')));
      }
      expect(seen).toEqual(Array.from({ length: Math.ceil(total / perPage) }, (_, i) => i + 1));
    }),
  );
});
