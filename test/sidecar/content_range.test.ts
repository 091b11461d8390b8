import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinChunks, parseChunkRange } from '../../src/sidecar/content_range.ts';
import type { Block } from '../../src/sidecar/uploads.ts';

describe('the range of a chunk', () => {
  it.each([
    ['bytes 0-0/*', undefined, { start: 0, length: 1 }],
    ['bytes 33554432-67108863/*', '33554432', { start: 33_554_432, length: 33_554_432 }],
    ['bytes 5-9/10', '5', { start: 5, length: 5 }],
  ])('%s', (range, length, expected) => {
    expect(parseChunkRange(range, length)).toEqual(expected);
  });

  it.each([
    [undefined, undefined],
    ['bytes=0-1', undefined],
    ['bytes */10', undefined],
    ['bytes 9-5/*', undefined],
    ['bytes 0-9/*', '9'],
    ['bytes 0-9/*', '11'],
  ])('refuses %s with Content-Length %s', (range, length) => {
    expect(() => parseChunkRange(range, length)).toThrow();
  });
});

describe('chunks', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 });
  const cut = (lengths: number[]): [string, Block][] => {
    let start = 0;
    return lengths.map((size, index) => {
      const chunk: [string, Block] = [`${start}+${size}`, { parts: [index + 1], crc32: [0], size }];
      start += size;
      return chunk;
    });
  };

  it('join in the order of their offsets, in whatever order they came', () => {
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.nat()), (lengths, random) => {
        const chunks = cut(lengths);
        const shuffled = chunks
          .map((chunk) => ({ chunk, at: random.next().value as number }))
          .sort((a, b) => a.at - b.at)
          .map(({ chunk }) => chunk);
        const joined = joinChunks(new Map(shuffled));
        expect(joined).toEqual(chunks.map(([, block]) => block));
      }),
    );
  });

  it('are refused when any but the last is missing', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), (lengths, random) => {
        fc.pre(lengths.length > 1);
        const chunks = cut(lengths);
        chunks.splice(random % (chunks.length - 1), 1);
        expect(() => joinChunks(new Map(chunks))).toThrow('gap');
      }),
    );
  });

  it('are refused when they overlap', () => {
    const block = (part: number, size: number) => ({ parts: [part], crc32: [0], size });
    const chunks = new Map([
      ['0+10', block(1, 10)],
      ['5+10', block(2, 10)],
    ]);
    expect(() => joinChunks(chunks)).toThrow('overlap');
  });
});
