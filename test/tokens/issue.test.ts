import { createLocalJWKSet, jwtVerify } from 'jose';
import { expect, test } from 'vitest';
import { poolCache } from '../../src/resources/pool_cache.ts';
import { HARRIER_CLAIM } from '../../src/tokens/claims.ts';
import { issueToken } from '../../src/tokens/issue.ts';
import { makeSigningKey, publicKeySetOf } from '../../src/tokens/keys.ts';
import { TokenRefused } from '../../src/tokens/refusal.ts';
import { AUDIENCE, anIssue, aPool, aToken, ISSUER, NOW } from './builders.ts';

test('says who the runner is, for how long, and what it may do', async () => {
  const { claims, issuedAt, expiresAt } = await anIssue({
    ttl: '90s',
    attempt: 3,
    audiences: [AUDIENCE, 'vault'],
  });
  expect(claims).toEqual({
    iss: ISSUER,
    aud: [AUDIENCE, 'vault'],
    sub: 'runner:ci/linux/linux-0-abcde',
    client_id: 'ci/linux',
    jti: 'uid-of-token-linux-0-abcde',
    iat: NOW.getTime() / 1000,
    nbf: NOW.getTime() / 1000,
    exp: NOW.getTime() / 1000 + 90,
    [HARRIER_CLAIM]: {
      namespace: 'ci',
      pool: { name: 'linux', uid: 'uid-of-pool' },
      runner: { id: 'uid-of-pod-linux-0-abcde', name: 'linux-0-abcde' },
      pod: { name: 'linux-0-abcde', uid: 'uid-of-pod-linux-0-abcde' },
      attempt: 3,
      agent: false,
      forge: { type: 'none', scope: 'instance' },
      cache: {
        enabled: true,
        tenant: 'ci/linux',
        scopes: [{ name: 'default', permission: 'ReadWrite' }],
      },
    },
  });
  expect(issuedAt).toEqual(NOW);
  expect(expiresAt.getTime() - issuedAt.getTime()).toBe(90_000);
});

const JOBS = { issuer: 'https://forge.example.com', jwksUrl: 'https://forge.example.com/jwks' };

test("carries the pool's routing, forge and scopes", async () => {
  const key = await makeSigningKey(NOW);
  const pool = aPool({
    routing: { cell: 'eu-1', organization: 'acme' },
    forge: {
      type: 'gitea',
      url: 'https://gitea.example.com',
      scope: { type: 'repository', name: 'acme/app' },
      credentialsSecretRef: { name: 'gitea-admin' },
      labels: [],
      pollInterval: '30s',
    },
    cache: poolCache.parse({
      enabled: false,
      scopesFrom: 'Job',
      jobIdentity: JOBS,
      scopes: [{ name: 'refs/heads/main', permission: 'Read' }],
    }),
  });
  const { claims, jwt } = await issueToken({
    token: aToken(),
    pool,
    issuer: ISSUER,
    audience: AUDIENCE,
    key,
    now: NOW,
  });
  expect(claims[HARRIER_CLAIM]).toMatchObject({
    cell: 'eu-1',
    organization: 'acme',
    forge: { type: 'gitea', scope: 'repository', entity: 'acme/app' },
    cache: {
      enabled: false,
      scopes: [{ name: 'refs/heads/main', permission: 'Read' }],
      jobIdentity: JOBS,
    },
  });
  expect(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()).not.toContain('gitea-admin');
});

test('is a JWT that a stock library verifies by the published keys', async () => {
  const { jwt, key, claims } = await anIssue();
  const { payload, protectedHeader } = await jwtVerify(jwt, createLocalJWKSet(publicKeySetOf([key])), {
    issuer: ISSUER,
    audience: AUDIENCE,
    typ: 'at+jwt',
    currentDate: NOW,
  });
  expect(payload).toEqual(claims);
  expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: key.jwk.kid });
});

test('is refreshed at 80 % of its life, give or take 8 points, each runner at its own place', async () => {
  const shares = new Set<number>();
  const key = await makeSigningKey(NOW);
  for (let i = 0; i < 40; i++) {
    const { issuedAt, refreshAt, expiresAt } = await issueToken({
      token: aToken(`runner-${i}`),
      pool: aPool(),
      issuer: ISSUER,
      audience: AUDIENCE,
      key,
      now: NOW,
    });
    const share = (refreshAt.getTime() - issuedAt.getTime()) / (expiresAt.getTime() - issuedAt.getTime());
    expect(share).toBeGreaterThanOrEqual(0.72);
    expect(share).toBeLessThanOrEqual(0.88);
    shares.add(share);
  }
  expect(shares.size).toBeGreaterThan(30);
});

test('hands out nothing that its public key does not verify', async () => {
  const [mine, other] = [await makeSigningKey(NOW), await makeSigningKey(NOW)];
  // A Secret in which the private half was exchanged: the public half is still the first key's.
  const crossed = { ...mine, jwk: { ...mine.jwk, d: other.jwk.d } };
  await expect(
    issueToken({
      token: aToken(),
      pool: aPool(),
      issuer: ISSUER,
      audience: AUDIENCE,
      key: crossed,
      now: NOW,
    }),
  ).rejects.toThrow();
  const renamed = { ...mine, jwk: { ...mine.jwk, kid: other.jwk.kid } };
  await expect(
    issueToken({
      token: aToken(),
      pool: aPool(),
      issuer: ISSUER,
      audience: AUDIENCE,
      key: renamed,
      now: NOW,
    }),
  ).rejects.toThrow(/thumbprint/);
  await expect(
    issueToken({
      token: aToken(undefined, { ttl: '0s' }),
      pool: aPool(),
      issuer: ISSUER,
      audience: AUDIENCE,
      key: mine,
      now: NOW,
    }),
  ).rejects.toThrow(TokenRefused);
});
