import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Store } from '../../kube/types.ts';
import { problemDetails } from '../../protocol/problem.ts';
import { issuedTokens, registrationAnswer, registrationRequest } from '../../protocol/registration.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { bearerToken } from '../../tokens/bearer.ts';
import { HARRIER_CLAIM } from '../../tokens/claims.ts';
import { type Refusal, TokenRefused } from '../../tokens/refusal.ts';
import { unauthorized } from '../authenticate.ts';
import { problem } from '../problem.ts';
import type { DeliverToken } from '../registration/deliver_token.ts';
import { closedBecause, findRegistration } from '../registration/find_registration.ts';
import type { Register } from '../registration/register.ts';
import { SINCE_REPORTED, WHILE_ALIVE } from '../served_states.ts';
import type { ApiPlugin } from '../server.ts';
import type { WriteApiStatus } from '../write_api_status.ts';

export interface RegistrationTools {
  tokens: {
    readonly store: Pick<Store<RunnerToken>, 'byIndex'>;
    readonly synced: boolean;
    readonly connected: boolean;
  };
  register: Register;
  deliver: DeliverToken;
  write: WriteApiStatus;
  onRefusal(refusal: Refusal): void;
}

const tags = ['registration'];
/** Each is several writes to the apiserver, which all share. */
const REFRESHES = { max: 10, timeWindow: 10_000 };
const TIME_LIMIT_MS = 20_000;

const headers = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe('The client’s own name for this registration: repeated with it, it is the same one.'),
});

const REGISTRATION = Symbol('registration');
type ByRegistration = FastifyRequest & { [REGISTRATION]?: RunnerToken };

/** How runners that Harrier did not make join, stay and leave. */
export function registrationRoutes(tools: RegistrationTools): ApiPlugin {
  return async (app) => {
    app.post(
      '/v1/registrations',
      {
        handlerTimeout: TIME_LIMIT_MS,
        config: { access: 'registration' },
        schema: {
          summary: 'Join a pool',
          description: 'With a registration token as bearer; the JWT is shown this once.',
          tags,
          headers,
          body: registrationRequest,
          response: {
            201: registrationAnswer,
            401: problemDetails,
            403: problemDetails,
            409: problemDetails,
            422: problemDetails,
            503: problemDetails,
          },
        },
        // Before the body: whoever brings no registration token learns nothing of what a registration has to say.
        onRequest(request: ByRegistration, _reply, done) {
          request[REGISTRATION] = proven(request, tools);
          done();
        },
      },
      async (request, reply) => {
        const registration = (request as ByRegistration)[REGISTRATION];
        if (registration === undefined) throw new Error('a registration without its token');
        const answer = await tools.register(registration, request.body, request.headers['idempotency-key']);
        return reply.code(201).header('cache-control', 'no-store').send(answer);
      },
    );

    app.post(
      '/v1/runner/token',
      {
        handlerTimeout: TIME_LIMIT_MS,
        config: { states: SINCE_REPORTED, rateLimit: REFRESHES },
        schema: {
          summary: 'Refresh my JWT',
          description: 'For a registered runner; that of a pod is refreshed in its Secret.',
          tags,
          response: {
            200: issuedTokens,
            401: problemDetails,
            403: problemDetails,
            409: problemDetails,
            429: problemDetails,
            503: problemDetails,
          },
        },
      },
      async ({ identity: { claims, token } }, reply) => {
        if (claims[HARRIER_CLAIM].pod !== undefined)
          throw problem(
            'permission-denied',
            'The JWT of a pod is refreshed in its Secret: read the file again.',
          );
        return reply.header('cache-control', 'no-store').send(await tools.deliver(token));
      },
    );

    app.delete(
      '/v1/runner',
      {
        handlerTimeout: TIME_LIMIT_MS,
        config: { states: WHILE_ALIVE },
        schema: {
          summary: 'Deregister',
          description: 'The token is refused from then on; a pod’s runner is replaced.',
          tags,
          response: { 204: z.undefined(), 401: problemDetails, 409: problemDetails, 503: problemDetails },
        },
      },
      async ({ identity }, reply) => {
        const endedAt = new Date().toISOString();
        await tools.write(identity.token, ({ status }) =>
          status?.endedAt === undefined ? { endedAt } : undefined,
        );
        return reply.code(204).send(undefined);
      },
    );
  };
}

/** The Registration token whose value the bearer is, and which lets somebody in; throws a problem. */
function proven(request: FastifyRequest, { tokens, onRefusal }: RegistrationTools): RunnerToken {
  try {
    const registration = findRegistration(bearerToken(request.headers.authorization), tokens.store);
    const closed = closedBecause(registration, new Date());
    if (closed !== undefined) throw closed;
    return registration;
  } catch (error) {
    if (!(error instanceof TokenRefused)) throw error;
    // While nothing is known of any token, that this one is unknown is no verdict: neither in nor out.
    if (error.refusal === 'unknown-token' && !(tokens.synced && tokens.connected))
      throw problem('unavailable', 'Which tokens there are is not known at this moment; retry.', {
        headers: { 'retry-after': '1' },
      });
    onRefusal(error.refusal);
    throw unauthorized(error.refusal);
  }
}
