import { type RunnerPool, runnerPoolSpec } from '../../src/resources/runner_pool.ts';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import { issueToken } from '../../src/tokens/issue.ts';
import { verificationKeys } from '../../src/tokens/jwks.ts';
import { makeSigningKey, publicKeySetOf, type SigningKey } from '../../src/tokens/keys.ts';
import { createVerifier, type TokenVerifier, type VerifyOptions } from '../../src/tokens/verify.ts';

export const ISSUER = 'https://harrier.example.com';
export const AUDIENCE = 'harrier';
export const NOW = new Date('2026-11-21T08:00:00Z');

const meta = (name: string, namespace: string, uid: string) => ({
  name,
  namespace,
  uid,
  resourceVersion: '1',
  creationTimestamp: '2026-11-21T07:00:00Z',
});

export function aPool(spec: Partial<RunnerPool['spec']> = {}): RunnerPool {
  const defaults = runnerPoolSpec.parse({ template: { spec: { containers: [{ name: 'runner' }] } } });
  return { metadata: meta('linux', 'ci', 'uid-of-pool'), spec: { ...defaults, ...spec } };
}

/** An Active RunnerToken of the runner named, which has reported in, as the controller leaves it. */
export function aToken(name = 'linux-0-abcde', spec: Partial<RunnerToken['spec']> = {}): RunnerToken {
  return {
    metadata: meta(name, 'ci', `uid-of-token-${name}`),
    spec: {
      type: 'Runtime',
      podRef: { name, uid: `uid-of-pod-${name}` },
      poolRef: { name: 'linux', uid: 'uid-of-pool' },
      attempt: 1,
      audiences: [AUDIENCE],
      ttl: '1h',
      ...spec,
    },
    status: { phase: 'Active', conditions: [], runner: { state: 'Idle', since: '2026-11-21T07:30:00Z' } },
  };
}

export async function aVerifier(
  keys: readonly SigningKey[],
  options: Partial<VerifyOptions> = {},
): Promise<TokenVerifier> {
  const verifier = createVerifier({
    issuer: ISSUER,
    audience: AUDIENCE,
    now: () => NOW.getTime(),
    ...options,
  });
  verifier.useKeys(await verificationKeys(publicKeySetOf(keys)));
  return verifier;
}

/** A key, a token signed with it, and a verifier that trusts it. */
export async function anIssue(spec: Partial<RunnerToken['spec']> = {}) {
  const key = await makeSigningKey(NOW);
  const token = aToken(undefined, spec);
  const issued = await issueToken({
    token,
    pool: aPool(),
    issuer: ISSUER,
    audience: AUDIENCE,
    key,
    now: NOW,
  });
  return { key, token, ...issued, verifier: await aVerifier([key]) };
}
