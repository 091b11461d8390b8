import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { problemDetails } from '../../protocol/problem.ts';
import { problem } from '../problem.ts';
import type { ApiPlugin } from '../server.ts';
import { BodyRoom, type Leave } from '../webhooks/body_room.ts';
import type { IncomingWebhook, ReceiveWebhooks } from '../webhooks/receive.ts';

/** Forges send some tens of KiB; GitHub would send up to 25 MB of a push, of which nothing is wanted here. */
const MOST_BYTES = 1024 * 1024;
/** Bodies in memory at once, and requests that wait unread for their place. */
const AT_ONCE = { bodies: 32, waiting: 4_000 };
/** From a body's first byte to its last, in ms: a slow one would keep its place from others. */
const BODY_WITHIN_MS = 3_000;
/** Both are what forges offer. Which it is makes no difference: nothing of the body is read. */
const MEDIA_TYPES = ['application/json', 'application/x-www-form-urlencoded'];

const answer = z.object({
  outcome: z
    .enum(['told', 'repeated', 'irrelevant'])
    .describe(
      'told: the forge will be asked at once; repeated: told before; irrelevant: not of jobs or runners.',
    ),
});

const PLACE = Symbol('place');
type WithPlace = FastifyRequest & { [PLACE]?: Leave };

/**
 * Where forges say that something has changed. The signature is all that lets a webhook in; it is taken for a hint to
 * ask the forge and for nothing else, so that one that is repeated by a stranger does no harm.
 */
export function webhookRoutes(webhooks: ReceiveWebhooks): ApiPlugin {
  return async (app) => {
    const room = new BodyRoom(AT_ONCE.bodies, AT_ONCE.waiting);
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      MEDIA_TYPES,
      { parseAs: 'buffer', bodyLimit: MOST_BYTES },
      (_request, body, done) => done(null, body),
    );

    app.post(
      '/webhooks/:forge/:namespace/:pool',
      {
        config: { access: 'webhook', rateLimit: false },
        schema: {
          summary: 'Something changed in a forge',
          description:
            'A webhook of the forge, signed with the pool’s webhookSecret: see docs/autoscaling.md. The forge is then asked at once.',
          tags: ['webhooks'],
          params: z.object({ forge: z.string(), namespace: z.string(), pool: z.string() }),
          response: {
            200: answer,
            202: answer,
            401: problemDetails,
            404: problemDetails,
            413: problemDetails,
            415: problemDetails,
            429: problemDetails,
            503: problemDetails,
          },
        },
        onRequest(request, _reply, done) {
          webhooks.admit(cameFrom(request));
          done();
        },
        async preParsing(request: WithPlace, reply) {
          const gone = new AbortController();
          reply.raw.once('close', () => gone.abort());
          const leave = await room.enter(gone.signal);
          if (leave === undefined)
            throw problem('unavailable', 'Too many webhooks at once; retry.', {
              headers: { 'retry-after': '2' },
            });
          const late = setTimeout(() => request.raw.destroy(), BODY_WITHIN_MS);
          request[PLACE] = () => {
            clearTimeout(late);
            leave();
          };
          reply.raw.once('close', request[PLACE]);
        },
      },
      async (request, reply) => {
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const received = webhooks.receive(cameFrom(request), request.headers, body);
        // The body has been verified, or not; what is waited for now takes no room.
        (request as WithPlace)[PLACE]?.();
        const outcome = await received;
        return reply
          .code(outcome === 'told' ? 202 : 200)
          .header('cache-control', 'no-store')
          .send({ outcome });
      },
    );
  };
}

function cameFrom({ params, ip }: FastifyRequest): IncomingWebhook {
  const { forge, namespace, pool } = params as Omit<IncomingWebhook, 'address'>;
  return { forge, namespace, pool, address: ip };
}
