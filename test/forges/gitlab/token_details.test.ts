import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tokenDetails } from '../../../src/forges/gitlab/token_details.ts';
import { encodeRoutable } from '../../../src/tokens/routable/encode_routable.ts';
import { versionedToken } from './versioned_token.ts';

describe('where a runner token says that it belongs', () => {
  test.each([
    [
      'the form of today',
      versionedToken('glrt-', 'c:2s\no:1\np:10\nt:3\nu:z'),
      { cell: '100', organization: '1', project: '36', user: '35' },
    ],
    ['without a cell', versionedToken('glrt-', 'o:1\nt:1'), { organization: '1' }],
    [
      'the form of before',
      encodeRoutable({
        prefix: 'glrt-t2_',
        routing: { cell: '1', organization: '7' },
        random: randomBytes(16),
      }),
      { cell: '1', organization: '7' },
    ],
    ['the form that is not routable', 'glrt-t3_9Eszsx1d-wxea45gpTtc', {}],
    ['a token of another kind', versionedToken('glpat-', 'o:1'), {}],
    ['a version that nobody knows', versionedToken('glrt-', 'o:1').replace('.01.', '.02.'), {}],
  ])('%s', (_, token, details) => {
    expect(tokenDetails(token)).toEqual(details);
  });

  test('nothing is told of a token with another character', () => {
    const token = versionedToken('glrt-', 'c:1\no:1');
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(...'abcXYZ019-_.'), (at, character) => {
        fc.pre(token[at] !== character);
        expect(tokenDetails(token.slice(0, at) + character + token.slice(at + 1))).toEqual({});
      }),
    );
  });

  test('whatever comes, it throws nothing and tells none of the random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.string(), (random, text) => {
        const token = versionedToken('glrt-', 'o:1', Buffer.from(random));
        expect(tokenDetails(token)).toEqual({ organization: '1' });
        expect(() => tokenDetails(`glrt-${text}`)).not.toThrow();
      }),
    );
  });
});
