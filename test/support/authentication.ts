import type { RunnerToken } from '../../src/resources/runner_token.ts';
import type { ServerOptions } from '../../src/runtime/server.ts';
import { HARRIER_CLAIM, type RuntimeClaims } from '../../src/tokens/claims.ts';
import { TokenRefused } from '../../src/tokens/refusal.ts';
import type { TokenVerifier } from '../../src/tokens/verify.ts';

/**
 * Authentication that takes each bearer at its word, for tests of what comes after it: who a bearer is, and the
 * RunnerToken as the cluster would have it.
 */
export function trusting(
  claimsOf: (bearer: string) => RuntimeClaims | undefined,
  tokenOf: () => Pick<RunnerToken, 'metadata' | 'status'>,
): ServerOptions['authentication'] {
  const verifier: TokenVerifier = {
    ready: true,
    useKeys: () => {},
    remembered: claimsOf,
    verify(bearer) {
      const claims = claimsOf(bearer);
      if (claims === undefined) throw new TokenRefused('bad-signature');
      return claims;
    },
  };
  const check = () => tokenOf() as RunnerToken;
  return { verifier, agentVerifier: verifier, live: { check, watched: check, recheck: async () => check() } };
}

/** Claims of the runner named, far from expiry. */
export function claimsNaming(
  name: string,
  cache: RuntimeClaims[typeof HARRIER_CLAIM]['cache'],
): RuntimeClaims {
  return {
    iss: 'https://harrier.test',
    aud: ['harrier'],
    sub: `runner:runners/pool/${name}`,
    client_id: 'runners/pool',
    jti: `jti-${name}`,
    iat: 0,
    nbf: 0,
    exp: 4_102_444_800,
    [HARRIER_CLAIM]: {
      namespace: 'runners',
      pool: { name: 'pool', uid: 'pool-uid' },
      runner: { id: `uid-${name}`, name },
      pod: { name, uid: `uid-${name}` },
      attempt: 1,
      agent: false,
      forge: { type: 'none', scope: 'instance' },
      cache,
    },
  };
}
