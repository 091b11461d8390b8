import type { IntrospectionAnswer } from '../../protocol/introspection.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { HARRIER_CLAIM, type RuntimeClaims } from '../../tokens/claims.ts';
import { standingOf } from '../served_states.ts';

export const INACTIVE: IntrospectionAnswer = { active: false };

/**
 * What a client is told of a token whose signature, times and life were found good; pure. A service learns of tokens
 * that are meant for it and of no others, and a runner that has ended is served nowhere, so neither is it here.
 */
export function introspectionOf(
  { claims, token }: { claims: RuntimeClaims; token: RunnerToken },
  client: string,
): IntrospectionAnswer {
  const standing = standingOf(token);
  if (!claims.aud.includes(client) || standing === 'Terminated') return INACTIVE;
  const { iss, sub, aud, exp, iat, nbf, jti, client_id } = claims;
  return {
    active: true,
    ...{ iss, sub, aud, exp, iat, nbf, jti, client_id },
    scope: scopeText(claims),
    token_type: 'Bearer',
    runner_state: standing,
  };
}

/** One word for each thing that the token opens; percent-encoded, since a word has no space in it (RFC 6749 section 3.3). */
function scopeText(claims: RuntimeClaims): string {
  const { cache } = claims[HARRIER_CLAIM];
  const words = ['runner'];
  // Where the jobs' own tokens say what may be done, this one opens nothing of the cache by itself.
  for (const { name, permission } of cache.enabled && cache.jobIdentity === undefined ? cache.scopes : []) {
    if (permission !== 'Write') words.push(`cache:read:${encodeURIComponent(name)}`);
    if (permission !== 'Read') words.push(`cache:write:${encodeURIComponent(name)}`);
  }
  return words.join(' ');
}
