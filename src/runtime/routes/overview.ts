import { overview } from '../../protocol/management.ts';
import { problemDetails } from '../../protocol/problem.ts';
import { FOR_MANAGERS, guard } from '../management/guard.ts';
import type { Managers } from '../management/managers.ts';
import { type OverviewSources, overviewFor } from '../management/overview.ts';
import type { ApiPlugin } from '../server.ts';

/** What the page at /ui shows. */
export function overviewRoutes(managers: Managers | undefined, sources: OverviewSources): ApiPlugin {
  return async (app) => {
    await app.register(guard, { managers });
    app.get(
      '/v1/overview',
      {
        config: FOR_MANAGERS,
        schema: {
          summary: 'Pools, runners and caches that the caller may see',
          tags: ['management'],
          response: {
            200: overview,
            401: problemDetails,
            403: problemDetails,
            404: problemDetails,
            429: problemDetails,
            503: problemDetails,
          },
        },
      },
      async (request, reply) => {
        reply.header('cache-control', 'no-store');
        return await overviewFor(request.manager, sources);
      },
    );
  };
}
