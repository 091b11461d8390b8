import type { FastifyError } from 'fastify';
import { z } from 'zod';
import type { Cache } from '../../cache/open.ts';
import { CacheRefused } from '../../cache/refused.ts';
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
import { MAX_COMMIT_BYTES } from '../../protocol/parts.ts';
import { problemDetails } from '../../protocol/problem.ts';
import type { Caller } from '../authenticate.ts';
import type { CallerAccess } from '../cache_access/caller_access.ts';
import { problem } from '../problem.ts';
import { AT_WORK } from '../served_states.ts';
import type { ApiPlugin } from '../server.ts';

const uploadPath = z.object({ uploadId: z.uuid() });
const tags = ['cache'];
/** Visitors too: what they save and find is apart from everybody else's. */
const config = { states: AT_WORK, issuers: 'trusted' } as const;
const refusals = { 400: problemDetails, 401: problemDetails, 403: problemDetails, 422: problemDetails };
const uploadRefusals = { ...refusals, 404: problemDetails, 409: problemDetails };

/** The cache's control plane. Whose entries, and in which scopes, the tokens say; a request can't. */
export function cacheRoutes(cache: Cache, access: CallerAccess): ApiPlugin {
  const shortLookup = (caller: Caller, body: LookupRequest) => {
    const known = access.ofRunner(caller);
    return known && cache.lookup(known, body);
  };
  return async (app) => {
    app.setErrorHandler(refusedAsProblem);

    app.post(
      '/v1/cache/lookup',
      {
        config: { ...config, shortWay: shortLookup },
        schema: {
          summary: 'What to restore for these keys',
          description: 'Scope by scope; in each every key exactly, then as a prefix, newest first.',
          tags,
          body: lookupRequest,
          response: { 200: lookupAnswer, ...refusals },
        },
      },
      async (request) => cache.lookup(await access.of(request, 'read'), request.body),
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
      async (request) => cache.list(await access.of(request, 'read'), request.query.key),
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
        reply.code(201).send(await cache.reserve(await access.of(request, 'write'), request.body)),
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
      async (request) =>
        cache.offerParts(await access.of(request, 'write'), request.params.uploadId, request.body),
    );

    app.post(
      '/v1/cache/uploads/:uploadId/commit',
      {
        config,
        bodyLimit: MAX_COMMIT_BYTES,
        schema: {
          summary: 'Make an upload an entry',
          tags,
          params: uploadPath,
          body: commitRequest,
          response: { 200: commitAnswer, ...uploadRefusals },
        },
      },
      async (request) =>
        cache.commit(await access.of(request, 'write'), request.params.uploadId, request.body),
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
        await cache.release(await access.of(request, 'write'), request.params.uploadId);
        return reply.code(204).send(undefined);
      },
    );
  };
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
