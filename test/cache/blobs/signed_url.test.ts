import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CELL_PARAMETER, type SignedQuery, SignedUrls } from '../../../src/cache/blobs/signed_url.ts';

const NOW = Date.UTC(2026, 10, 21);
const key = () => createSecretKey(randomBytes(32));
const queryOf = (path: string): Record<string, string> =>
  Object.fromEntries(new URL(path, 'http://api').searchParams);

describe('the cell of a signed URL', () => {
  const own = key();
  const urls = new SignedUrls(own, () => NOW, 'eu west/1');

  test('is named by parts and entries of an api that knows its cell, and by no others', () => {
    for (const path of [urls.part('b', 4), urls.entry('t', 'e')])
      expect(queryOf(path)[CELL_PARAMETER]).toBe('eu west/1');
    const alone = new SignedUrls(own, () => NOW);
    for (const path of [alone.part('b', 4), alone.entry('t', 'e')])
      expect(queryOf(path)).not.toHaveProperty(CELL_PARAMETER);
  });

  test('says nothing about who may: with another cell it is the same URL, at another cell it is none', () => {
    const query = { ...queryOf(urls.entry('t', 'e')), [CELL_PARAMETER]: 'us' } as SignedQuery;
    expect(urls.checkEntry('e', query)).toEqual({ tenant: 't', entryId: 'e' });
    const elsewhere = new SignedUrls(key(), () => NOW, 'us');
    expect(() => elsewhere.checkEntry('e', query)).toThrow('signature');
    expect(() => elsewhere.checkPart('b', queryOf(urls.part('b', 4)))).toThrow('signature');
  });
});
