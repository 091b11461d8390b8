import { z } from 'zod';
import { problemDetails } from '../../protocol/problem.ts';
import { HARRIER_CLAIM, TOKEN_ALGORITHM } from '../../tokens/claims.ts';
import { publicKeySet } from '../../tokens/jwks.ts';
import { problem } from '../problem.ts';
import type { PublicKeys } from '../public_keys.ts';
import type { ApiPlugin } from '../server.ts';
import { INTROSPECTION_PATH } from './introspect.ts';

/**
 * OpenID Connect Discovery 1.0, section 3: the members it requires, as far as they mean anything here; and of RFC 8414,
 * section 2, where introspection is.
 */
const discovery = z.object({
  issuer: z.string(),
  jwks_uri: z.string(),
  response_types_supported: z.array(z.string()),
  subject_types_supported: z.array(z.string()),
  id_token_signing_alg_values_supported: z.array(z.string()),
  claims_supported: z.array(z.string()),
  introspection_endpoint: z.string(),
  introspection_endpoint_auth_methods_supported: z.array(z.string()),
});

/** Verifiers look here first on an unknown kid; a new key is published longer than this before it signs. */
const CACHE_CONTROL = 'public, max-age=60';

/** How others verify the tokens: the public keys, and where they are. */
export function wellKnownRoutes(keys: PublicKeys, issuer: string): ApiPlugin {
  const base = issuer.replace(/\/$/, '');
  return async (app) => {
    app.get(
      '/.well-known/jwks.json',
      {
        config: { access: 'public' },
        schema: {
          summary: 'The public keys (RFC 7517)',
          tags: ['keys'],
          response: { 200: publicKeySet, 503: problemDetails },
        },
      },
      (_request, reply) => {
        if (keys.set === undefined) throw problem('unavailable', 'There are no public keys yet.');
        reply.header('cache-control', CACHE_CONTROL).send(keys.set);
      },
    );

    app.get(
      '/.well-known/openid-configuration',
      {
        config: { access: 'public' },
        schema: { summary: 'OpenID discovery', tags: ['keys'], response: { 200: discovery } },
      },
      (_request, reply) => {
        reply.header('cache-control', CACHE_CONTROL).send({
          issuer,
          jwks_uri: `${base}/.well-known/jwks.json`,
          response_types_supported: ['id_token'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: [TOKEN_ALGORITHM],
          claims_supported: ['iss', 'aud', 'sub', 'client_id', 'jti', 'iat', 'nbf', 'exp', HARRIER_CLAIM],
          introspection_endpoint: `${base}${INTROSPECTION_PATH}`,
          introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
        });
      },
    );
  };
}
