import { createHash } from 'node:crypto';
import { z } from 'zod';
import { IDEMPOTENCY_KEY_HEADER } from '../../protocol/idempotency.ts';
import { joinAnswer } from '../../protocol/join.ts';
import { problemDetails } from '../../protocol/problem.ts';
import { credentialAnswer } from '../../protocol/runner.ts';
import { suppliedCredential } from '../hand_out/credential.ts';
import type { HandOut, OnceGiven } from '../hand_out/hand_out.ts';
import { joinMaterial } from '../hand_out/join.ts';
import type { ApiPlugin } from '../server.ts';

/** Each call is some writes to the apiserver, which all share, and one of them is enough. */
const CALLS = { max: 10, timeWindow: 10_000 };
/** What a call takes at most beside waiting for the controller, in ms. */
const WRITES_MS = 12_000;

/** Where a runner gets the credential that somebody supplied for it. */
export function credentialRoutes(handOut: HandOut<z.infer<typeof credentialAnswer>>): ApiPlugin {
  return handOutRoute(suppliedCredential, handOut, {
    url: '/v1/runner/credential',
    summary: 'The supplied credential, once for each attempt',
    answer: credentialAnswer,
  });
}

/** Where a runner that is being installed gets what it joins its forge with. */
export function joinRoutes(handOut: HandOut<z.infer<typeof joinAnswer>>): ApiPlugin {
  return handOutRoute(joinMaterial, handOut, {
    url: '/v1/runner/join',
    summary: 'What the runner joins its forge with, once for each attempt',
    answer: joinAnswer,
  });
}

function handOutRoute<T>(
  { states, notHeld, takeMs }: OnceGiven<T>,
  handOut: HandOut<T>,
  { url, summary, answer }: { url: string; summary: string; answer: z.ZodType },
): ApiPlugin {
  return async (app) => {
    app.get(
      url,
      {
        handlerTimeout: takeMs + WRITES_MS,
        exposeHeadRoute: false,
        config: { rateLimit: CALLS, states, lockLost: notHeld },
        schema: {
          summary,
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
            200: answer,
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
        const secret = await handOut({
          identity: request.identity,
          call: key === undefined ? undefined : createHash('sha256').update(key).digest('base64url'),
          gone: () => reply.raw.destroyed,
        });
        // RFC 6749, section 5.1: what holds a credential is kept by nobody on the way.
        reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' });
        return secret;
      },
    );
  };
}
