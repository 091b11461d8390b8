import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { expect, test } from 'vitest';
import { isLowS, toLowS } from '../../src/tokens/low_s.ts';

test('of the two signatures of a message one is low, and it verifies', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = createPublicKey(privateKey);
  const seen = { low: 0, high: 0 };
  for (let i = 0; i < 200; i++) {
    const message = randomBytes(20);
    const signature = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    const low = toLowS(signature);
    seen[isLowS(signature) ? 'low' : 'high'] += 1;
    expect(isLowS(low)).toBe(true);
    expect(low.length).toBe(64);
    expect(Buffer.compare(low, signature) === 0).toBe(isLowS(signature));
    expect(verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, low)).toBe(true);
  }
  expect(Math.min(seen.low, seen.high)).toBeGreaterThan(50);
});

test('half of the order is the last that is low', () => {
  const half = '7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8';
  const of = (s: string) => Buffer.from(`${'01'.repeat(32)}${s}`, 'hex');
  expect(isLowS(of(half))).toBe(true);
  expect(isLowS(of(`${half.slice(0, -1)}9`))).toBe(false);
  expect(isLowS(of('00'.repeat(32)))).toBe(true);
  expect(isLowS(of('ff'.repeat(32)))).toBe(false);
});
