import type { EntityScope } from '../resources/entity.ts';
import { quantityBytes } from '../resources/quantity.ts';
import type { RunnerPool } from '../resources/runner_pool.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { cacheTenant } from './cache_tenant.ts';
import { AGENT_AUDIENCE, HARRIER_CLAIM, type RuntimeClaims } from './claims.ts';
import { lifetimeSeconds } from './lifetime.ts';

export interface ClaimsOf {
  token: RunnerToken;
  pool: RunnerPool;
  issuer: string;
  /** The api's own audience. */
  audience: string;
  /** The token for the agent connection instead of the runner's. */
  agent: boolean;
  now: Date;
}

/** What a runtime JWT for this RunnerToken is to say; pure. */
export function buildClaims({ token, pool, issuer, audience, agent, now }: ClaimsOf): RuntimeClaims {
  const { namespace } = token.metadata;
  const { podRef, poolRef, attempt = 1, audiences } = token.spec;
  const { forge, cache } = pool.spec;
  const artifacts = artifactsOf(pool);
  const runner = runnerOf(token);
  const scope = scopeOf(token, pool);
  const { cell, organization } = { ...pool.spec.routing, ...token.spec.routing };
  const issuedAt = Math.floor(now.getTime() / 1000);
  return {
    iss: issuer,
    aud: agent ? [AGENT_AUDIENCE] : [...(audiences ?? [audience, ...pool.spec.token.audiences])],
    sub: `runner:${namespace}/${poolRef.name}/${runner.name}`,
    client_id: `${namespace}/${poolRef.name}`,
    jti: token.metadata.uid,
    iat: issuedAt,
    nbf: issuedAt,
    exp: issuedAt + lifetimeSeconds(token, pool),
    [HARRIER_CLAIM]: {
      namespace,
      pool: { name: pool.metadata.name, uid: pool.metadata.uid },
      runner,
      ...(podRef === undefined ? {} : { pod: { name: podRef.name, uid: podRef.uid } }),
      attempt,
      agent,
      ...(cell === undefined ? {} : { cell }),
      ...(organization === undefined ? {} : { organization }),
      forge: {
        type: forge.type,
        scope: scope.type,
        ...(scope.name === undefined ? {} : { entity: scope.name }),
      },
      ...(artifacts === undefined ? {} : { artifacts }),
      cache: {
        enabled: cache.enabled,
        tenant: cacheTenant(pool, scope),
        scopes: cache.scopes.map(({ name, permission }) => ({ name, permission })),
        ...(cache.jobIdentity === undefined ? {} : { jobIdentity: cache.jobIdentity }),
      },
    },
  };
}

function artifactsOf({ spec }: RunnerPool): RuntimeClaims[typeof HARRIER_CLAIM]['artifacts'] {
  const { enabled, maxRetentionDays, quota } = spec.artifacts;
  if (!enabled) return undefined;
  return { maxRetentionDays, ...(quota === undefined ? {} : { quotaBytes: quantityBytes(quota) }) };
}

/** Whom a Runtime token speaks for: its pod, or the runner that registered. */
export function runnerOf(token: RunnerToken): { id: string; name: string } {
  const { podRef, runner } = token.spec;
  if (podRef !== undefined) return { id: podRef.uid, name: podRef.name };
  return { id: runner?.id ?? token.metadata.uid, name: runner?.name ?? token.metadata.name };
}

/** What of the forge the token's runner serves: its own scope, inherited from its parent, or else its pool's. */
export function scopeOf(token: RunnerToken, pool: RunnerPool): EntityScope {
  return token.spec.scope ?? pool.spec.forge.scope ?? { type: 'instance' };
}
