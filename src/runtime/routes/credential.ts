import { createHash } from 'node:crypto';
import { z } from 'zod';
import { IDEMPOTENCY_KEY_HEADER } from '../../protocol/idempotency.ts';
import { problemDetails } from '../../protocol/problem.ts';
import { credentialAnswer } from '../../protocol/runner.ts';
import { type HandOutCredential, notHeld } from '../hand_out_credential.ts';
import { WHILE_ALIVE } from '../served_states.ts';
import type { ApiPlugin } from '../server.ts';

/** Each call is some writes to the apiserver, which all share, and one of them is enough. */
const CALLS = { max: 10, timeWindow: 10_000 };

/** Where a runner gets the credential that somebody supplied for it. */
export function credentialRoutes(handOut: HandOutCredential): ApiPlugin {
  return async (app) => {
    app.get(
      '/v1/runner/credential',
      {
        handlerTimeout: 20_000,
        exposeHeadRoute: false,
        config: { rateLimit: CALLS, states: WHILE_ALIVE, lockLost: notHeld },
        schema: {
          summary: 'The supplied credential, once for each attempt',
          description:
            'A call whose answer got lost may be repeated within a minute with the same Idempotency-Key, a secret of the caller.',
          tags: ['runner'],
          headers: z.object({
            [IDEMPOTENCY_KEY_HEADER]: z
              .string()
              .min(16)
              .max(255)
              .optional()
              .describe('Chosen by the caller, another for each call, and not to be guessed.'),
          }),
          response: {
            200: credentialAnswer,
            401: problemDetails,
            403: problemDetails,
            404: problemDetails,
            409: problemDetails,
            422: problemDetails,
            429: problemDetails,
            503: problemDetails,
          },
        },
      },
      async (request, reply) => {
        const key = request.headers[IDEMPOTENCY_KEY_HEADER];
        const credential = await handOut({
          identity: request.identity,
          call: key === undefined ? undefined : createHash('sha256').update(key).digest('base64url'),
          gone: () => reply.raw.destroyed,
        });
        // RFC 6749, section 5.1: what holds a credential is kept by nobody on the way.
        reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' });
        return { credential };
      },
    );
  };
}
