import { calculateJwkThumbprint } from 'jose';
import { expect, test } from 'vitest';
import { parsePublicKeySet } from '../../src/tokens/jwks.ts';
import {
  makeSigningKey,
  parseSigningKeySet,
  publicHalf,
  publicKeySetOf,
  UnreadableKeySet,
} from '../../src/tokens/keys.ts';
import { NOW } from './builders.ts';

test('makes a pair named by its RFC 7638 thumbprint, unpublished, that survives its JSON', async () => {
  const key = await makeSigningKey(NOW);
  expect(key.jwk.kid).toBe(
    await calculateJwkThumbprint({ kty: 'EC', crv: 'P-256', x: key.jwk.x, y: key.jwk.y }),
  );
  expect(key.publishedAt).toBeUndefined();
  expect(parseSigningKeySet(JSON.stringify({ keys: [key] }))).toEqual({ keys: [key] });
  expect((await makeSigningKey(NOW)).jwk.kid).not.toBe(key.jwk.kid);
});

test('the public half has nothing of the private one', async () => {
  const key = await makeSigningKey(NOW);
  expect(Object.keys(publicHalf(key)).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  expect(parsePublicKeySet(JSON.stringify(publicKeySetOf([key])))).toEqual({ keys: [publicHalf(key)] });
});

test('a public set in which a private key stands is refused as a whole', async () => {
  const key = await makeSigningKey(NOW);
  expect(() => parsePublicKeySet(JSON.stringify({ keys: [key.jwk] }))).toThrow();
});

test('an unreadable set says nothing of what it held', async () => {
  const { jwk } = await makeSigningKey(NOW);
  for (const text of [
    '',
    '{',
    JSON.stringify({ keys: [{ jwk: { ...jwk, y: `${jwk.d}!` } }] }),
    `{"d":"${jwk.d}"`,
  ]) {
    let found: unknown;
    try {
      parseSigningKeySet(text);
    } catch (error) {
      found = error;
    }
    expect(found).toBeInstanceOf(UnreadableKeySet);
    const { message, stack, cause } = found as Error;
    expect(`${message} ${stack} ${JSON.stringify(cause)}`).not.toContain(jwk.d);
  }
});
