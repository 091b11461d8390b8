import { durationSeconds } from '../resources/duration.ts';
import type { RunnerPool } from '../resources/runner_pool.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { cacheTenant } from './cache_tenant.ts';
import { HARRIER_CLAIM, type RuntimeClaims } from './claims.ts';

/** What a runtime JWT for this RunnerToken is to say; pure. */
export function buildClaims(token: RunnerToken, pool: RunnerPool, issuer: string, now: Date): RuntimeClaims {
  const { namespace } = token.metadata;
  const { podRef, poolRef, attempt, audiences, ttl } = token.spec;
  const { forge, cache, token: settings } = pool.spec;
  const issuedAt = Math.floor(now.getTime() / 1000);
  return {
    iss: issuer,
    aud: [...audiences],
    sub: `runner:${namespace}/${poolRef.name}/${podRef.name}`,
    jti: token.metadata.uid,
    iat: issuedAt,
    nbf: issuedAt,
    exp: issuedAt + durationSeconds(ttl),
    [HARRIER_CLAIM]: {
      namespace,
      pool: { name: poolRef.name, uid: poolRef.uid },
      pod: { name: podRef.name, uid: podRef.uid },
      attempt,
      ...settings.routing,
      forge: {
        type: forge.type,
        ...(forge.scope?.name === undefined ? {} : { entity: forge.scope.name }),
      },
      cache: {
        enabled: cache.enabled,
        tenant: cacheTenant(pool),
        scopes: cache.scopes.map(({ name, permission }) => ({ name, permission })),
      },
    },
  };
}
