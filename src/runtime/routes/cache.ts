import type { FastifyError } from 'fastify';
import { z } from 'zod';
import type { Cache } from '../../cache/open.ts';
import { CacheRefused } from '../../cache/refused.ts';
import type { CacheAccess } from '../../cache/scope.ts';
import {
  commitAnswer,
  commitRequest,
  entriesAnswer,
  type LookupRequest,
  lookupAnswer,
  lookupRequest,
  partsAnswer,
  partsRequest,
  storeAnswer,
  uploadAnswer,
  uploadRequest,
} from '../../protocol/cache.ts';
import { problemDetails } from '../../protocol/problem.ts';
import { HARRIER_CLAIM } from '../../tokens/claims.ts';
import type { Caller } from '../authenticate.ts';
import { problem } from '../problem.ts';
import { AT_WORK } from '../served_states.ts';
import type { ApiPlugin } from '../server.ts';

const uploadPath = z.object({ uploadId: z.uuid() });
const tags = ['cache'];
/** Visitors too: what they save and find is apart from everybody else's. */
const config = { states: AT_WORK, issuers: 'trusted' } as const;
const refusals = { 400: problemDetails, 401: problemDetails, 403: problemDetails, 422: problemDetails };
const uploadRefusals = { ...refusals, 404: problemDetails, 409: problemDetails };

/** The cache's control plane. Whose entries, and in which scopes, the token says; a request can't. */
export function cacheRoutes(cache: Cache): ApiPlugin {
  const lookup = (caller: Caller, body: LookupRequest) => cache.lookup(accessOf(caller), body);
  return async (app) => {
    app.setErrorHandler(refusedAsProblem);

    app.post(
      '/v1/cache/lookup',
      {
        config: { ...config, shortWay: lookup },
        schema: {
          summary: 'What to restore for these keys',
          description: 'Scope by scope; in each every key exactly, then as a prefix, newest first.',
          tags,
          body: lookupRequest,
          response: { 200: lookupAnswer, ...refusals },
        },
      },
      (request) => lookup(request.caller, request.body),
    );

    app.get(
      '/v1/cache/entries',
      {
        config,
        schema: {
          summary: 'Entries whose keys begin with a text',
          tags,
          querystring: z.object({ key: z.string().default('') }),
          response: { 200: entriesAnswer, ...refusals },
        },
      },
      (request) => cache.list(accessOf(request.caller), request.query.key),
    );

    app.post(
      '/v1/cache/uploads',
      {
        config,
        schema: {
          summary: 'Reserve a key and version',
          tags,
          body: uploadRequest,
          response: { 201: uploadAnswer, 409: problemDetails, 429: problemDetails, ...refusals },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await cache.reserve(accessOf(request.caller), request.body)),
    );

    app.post(
      '/v1/cache/uploads/:uploadId/parts',
      {
        config,
        schema: {
          summary: 'Where to put parts',
          tags,
          params: uploadPath,
          body: partsRequest,
          response: { 200: partsAnswer, ...uploadRefusals },
        },
      },
      (request) => cache.offerParts(accessOf(request.caller), request.params.uploadId, request.body),
    );

    app.post(
      '/v1/cache/uploads/:uploadId/commit',
      {
        config,
        schema: {
          summary: 'Make an upload an entry',
          tags,
          params: uploadPath,
          body: commitRequest,
          response: { 200: commitAnswer, ...uploadRefusals },
        },
      },
      (request) => cache.commit(accessOf(request.caller), request.params.uploadId, request.body),
    );

    app.get(
      '/v1/cache/store',
      {
        config,
        schema: {
          summary: 'How to reach the store whose URLs are absolute',
          tags,
          response: { 200: storeAnswer, 401: problemDetails, 403: problemDetails },
        },
      },
      async () => (cache.storeCa === undefined ? {} : { ca: cache.storeCa }),
    );

    app.delete(
      '/v1/cache/uploads/:uploadId',
      {
        config,
        schema: {
          summary: 'Give a reservation back',
          tags,
          params: uploadPath,
          response: { 204: z.undefined(), ...uploadRefusals },
        },
      },
      async (request, reply) => {
        await cache.release(accessOf(request.caller), request.params.uploadId);
        return reply.code(204).send(undefined);
      },
    );
  };
}

/** A visitor's pool is told apart from ours of the same name by its issuer, as its tenant is (trusted/check_visitor.ts). */
function accessOf({ claims, token }: Caller): CacheAccess {
  const { cache, namespace, pool } = claims[HARRIER_CLAIM];
  const name = `${namespace}/${pool.name}`;
  return { ...cache, pool: token === undefined ? `${claims.iss}#${name}` : name };
}

/** An error handler of the routes that the cache answers; whatever isn't the cache's goes on to the next one. */
export function refusedAsProblem(error: FastifyError): never {
  if (error instanceof CacheRefused) {
    const { code, message, retryAfterMs } = error;
    const wait = retryAfterMs === undefined ? undefined : String(Math.ceil(retryAfterMs / 1000));
    throw problem(code, message, {
      cause: error,
      ...(wait === undefined ? {} : { headers: { 'retry-after': wait } }),
    });
  }
  throw error;
}
