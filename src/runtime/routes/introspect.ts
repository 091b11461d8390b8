import formbody from '@fastify/formbody';
import type { FastifyRequest } from 'fastify';
import { introspectionAnswer, introspectionRequest } from '../../protocol/introspection.ts';
import { problemDetails } from '../../protocol/problem.ts';
import { TokenRefused } from '../../tokens/refusal.ts';
import type { TokenVerifier } from '../../tokens/verify.ts';
import { INACTIVE, introspectionOf } from '../introspection/answer.ts';
import { authenticateClient, type IntrospectionClients } from '../introspection/clients.ts';
import type { LiveTokens } from '../live_tokens.ts';
import { problem } from '../problem.ts';
import type { ApiPlugin } from '../server.ts';

export const INTROSPECTION_PATH = '/v1/introspect';

export interface IntrospectionOptions {
  /** Who may ask, as of now; undefined for nobody. */
  readonly clients: IntrospectionClients | undefined;
  verifier: TokenVerifier;
  live: LiveTokens;
  /** Questions a second of one client, and of one address. */
  perSecond: number;
}

const CLIENT = Symbol('client');
type ByClient = FastifyRequest & { [CLIENT]?: string };

/**
 * Whether a token would be served at this moment, for services that our runners show their tokens to (RFC 7662). A token
 * is judged as in a request of its own, so that the two never differ. The token comes in the body and is never logged.
 */
export function introspectRoutes(options: IntrospectionOptions): ApiPlugin {
  return async (app) => {
    await app.register(formbody, { bodyLimit: 16 * 1024 });
    app.removeContentTypeParser(['application/json', 'text/plain']);
    const byClient = app.createRateLimit({
      max: options.perSecond,
      timeWindow: 1000,
      keyGenerator: (request) => (request as ByClient)[CLIENT] ?? '',
    });

    app.post(
      INTROSPECTION_PATH,
      {
        config: {
          access: 'introspection',
          rateLimit: {
            max: options.perSecond,
            timeWindow: 1000,
            hook: 'onRequest',
            keyGenerator: (request) => request.ip,
          },
        },
        schema: {
          summary: 'Whether a token is active (RFC 7662)',
          description:
            'Form-encoded. Answers about tokens whose aud has the id of the client that asks; every other token is inactive.',
          tags: ['keys'],
          consumes: ['application/x-www-form-urlencoded'],
          body: introspectionRequest,
          response: {
            200: introspectionAnswer,
            401: problemDetails,
            415: problemDetails,
            422: problemDetails,
            429: problemDetails,
          },
        },
        // After the limit of the address, before the body is read.
        async preParsing(request: ByClient) {
          const client = authenticateClient(options.clients, request.headers.authorization);
          if (client === undefined)
            throw problem('unauthorized', 'Send id and secret of a client of introspection by HTTP Basic.', {
              headers: { 'www-authenticate': 'Basic realm="harrier", charset="UTF-8"' },
            });
          request[CLIENT] = client;
          const limit = await byClient(request);
          if (!limit.isAllowed && limit.isExceeded)
            throw problem('too-many-requests', 'This client asks too often.', {
              headers: { 'retry-after': String(limit.ttlInSeconds) },
            });
        },
      },
      async (request, reply) => {
        const client = (request as ByClient)[CLIENT] ?? '';
        reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' });
        try {
          const claims = await options.verifier.verify(request.body.token);
          return introspectionOf({ claims, token: await options.live.check(claims) }, client);
        } catch (error) {
          if (!(error instanceof TokenRefused)) throw error;
          request.log.info({ reqId: request.id, client, refusal: error.refusal }, 'introspected, not active');
          return INACTIVE;
        }
      },
    );
  };
}
