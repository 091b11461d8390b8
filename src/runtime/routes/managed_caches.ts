import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { CacheManagement } from '../../cache/manage.ts';
import {
  cacheUsage,
  deleteCachesQuery,
  listCachesQuery,
  managedCaches,
  usageList,
  usageQuery,
  verifiedCache,
} from '../../protocol/management.ts';
import { problemDetails } from '../../protocol/problem.ts';
import { listCaches, removeById, removeByKey, sizeOf, verifyById } from '../management/cache_actions.ts';
import { type Chosen, notAllowed, ofPool, ofRepository, type Wanted } from '../management/chosen.ts';
import { pageLinks } from '../management/github_shape.ts';
import { FOR_MANAGERS, guard } from '../management/guard.ts';
import type { Managers } from '../management/managers.ts';
import type { Right } from '../management/rights.ts';
import { usageOf } from '../management/usage.ts';
import type { Api, ApiPlugin } from '../server.ts';

/** The cache, of which nothing is asked before a request comes. */
type Managed = { readonly management: CacheManagement };

/** Where a family of entries is, and whose they are. */
interface Family {
  base: string;
  params: z.ZodObject<Record<string, z.ZodString>>;
  /** For the summaries. */
  whose: string;
  choose(cache: CacheManagement, wanted: Wanted): Promise<Chosen>;
}

const FAMILIES: readonly Family[] = [
  {
    base: '/repos/:owner/:repo/actions',
    params: z.object({ owner: z.string().min(1).max(512), repo: z.string().min(1).max(512) }),
    whose: 'a repository',
    choose: ofRepository,
  },
  {
    base: '/v1/pools/:namespace/:pool/actions',
    params: z.object({ namespace: z.string().min(1).max(63), pool: z.string().min(1).max(253) }),
    whose: 'a pool that serves no single repository',
    choose: ofPool,
  },
];

const ENTRY_ID = z.string().regex(/^[1-9][0-9]{0,15}$/);
const tags = ['management'];
const config = FOR_MANAGERS;
const refusals = {
  401: problemDetails,
  403: problemDetails,
  404: problemDetails,
  422: problemDetails,
  429: problemDetails,
  503: problemDetails,
};

/** Cache entries listed, counted, checked and removed, in the shape of GitHub's REST API. */
export function managedCacheRoutes(managers: Managers | undefined, cache: Managed): ApiPlugin {
  return async (app) => {
    await app.register(guard, { managers });
    app.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    for (const family of FAMILIES) serve(app as Api, cache, family);

    app.get(
      '/v1/caches/usage',
      {
        config,
        schema: {
          summary: 'Sizes of all caches that the caller may read',
          tags,
          response: { 200: usageList, ...refusals },
        },
      },
      async (request) => {
        const namespaces = await request.manager.namespaces('read-caches');
        if (namespaces.length === 0) throw notAllowed('read-caches');
        return { usage: usageOf(await cache.management.usages(), namespaces) };
      },
    );
  };
}

function serve(app: Api, cache: Managed, { base, params, whose, choose }: Family): void {
  const one = params.extend({ cacheId: ENTRY_ID });
  const chosen = (request: FastifyRequest, right: Right) =>
    choose(cache.management, {
      manager: request.manager,
      right,
      params: request.params as Record<string, string>,
      namespace: (request.query as { namespace?: string } | undefined)?.namespace,
    });

  app.get(
    `${base}/caches`,
    {
      config,
      schema: {
        summary: `Cache entries of ${whose}`,
        description: "In the shape of GitHub's REST API; `pool` is not of GitHub.",
        tags,
        params,
        querystring: listCachesQuery,
        response: { 200: managedCaches, ...refusals },
      },
    },
    async (request, reply) => {
      const { query, url } = request;
      const found = await listCaches(cache.management, await chosen(request, 'read-caches'), query);
      const link = pageLinks(url, { page: query.page, perPage: query.per_page, total: found.total_count });
      if (link !== undefined) reply.header('link', link);
      return found;
    },
  );

  app.delete(
    `${base}/caches`,
    {
      config,
      schema: {
        summary: `Remove cache entries of ${whose} by key`,
        tags,
        params,
        querystring: deleteCachesQuery,
        response: { 200: managedCaches, ...refusals },
      },
    },
    async (request) => {
      const removed = await removeByKey(
        cache.management,
        await chosen(request, 'delete-caches'),
        request.query,
      );
      noteRemoval(request, removed.total_count);
      return removed;
    },
  );

  app.delete(
    `${base}/caches/:cacheId`,
    {
      config,
      schema: {
        summary: `Remove a cache entry of ${whose}`,
        tags,
        params: one,
        querystring: usageQuery,
        response: { 204: z.undefined(), ...refusals },
      },
    },
    async (request, reply) => {
      await removeById(
        cache.management,
        await chosen(request, 'delete-caches'),
        String(request.params.cacheId),
      );
      noteRemoval(request, 1);
      return reply.code(204).send(undefined);
    },
  );

  app.post(
    `${base}/caches/:cacheId/verify`,
    {
      config,
      schema: {
        summary: `Read a cache entry of ${whose} and compare it with what was saved`,
        description: 'One that is not as it was saved is taken out of use. Takes the right to delete.',
        tags,
        params: one,
        querystring: usageQuery,
        response: { 200: verifiedCache, ...refusals },
      },
    },
    async (request) =>
      await verifyById(
        cache.management,
        await chosen(request, 'delete-caches'),
        String(request.params.cacheId),
      ),
  );

  app.get(
    `${base}/cache/usage`,
    {
      config,
      schema: {
        summary: `Size of the cache of ${whose}`,
        tags,
        params,
        querystring: usageQuery,
        response: { 200: cacheUsage, ...refusals },
      },
    },
    async (request) => await sizeOf(cache.management, await chosen(request, 'read-caches')),
  );
}

/** Who took out how much: nobody can see it from the cache afterwards. */
function noteRemoval(request: FastifyRequest, entries: number): void {
  const { manager, params, id } = request;
  request.log.info(
    { reqId: id, manager: manager.name, of: params, entries },
    'cache entries removed by hand',
  );
}
