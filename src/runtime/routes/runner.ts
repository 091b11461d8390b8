import { problemDetails } from '../../protocol/problem.ts';
import { runnerStatusRequest, runnerView } from '../../protocol/runner.ts';
import { runnerReport } from '../../resources/runner_token.ts';
import { runnerViewOf } from '../runner_view.ts';
import { WHILE_ALIVE } from '../served_states.ts';
import type { ApiPlugin } from '../server.ts';
import type { StoreReport } from '../store_report.ts';

/** Each report is a write to the apiserver, which all share: a runner has four states to tell in its life. */
const REPORTS = { max: 20, timeWindow: 10_000 };

/** What a runner may learn and say about itself; who it is comes from its token alone. */
export function runnerRoutes(storeReport: StoreReport): ApiPlugin {
  return async (app) => {
    app.get(
      '/v1/runner',
      {
        config: { states: WHILE_ALIVE, issuers: 'trusted', shortWay: runnerViewOf },
        schema: {
          summary: 'Who am I',
          tags: ['runner'],
          response: { 200: runnerView, 401: problemDetails },
        },
      },
      (request) => runnerViewOf(request.caller),
    );

    app.post(
      '/v1/runner/status',
      {
        // Several apiserver calls of at most some seconds each; the caller is better told to retry.
        handlerTimeout: 10_000,
        config: { rateLimit: REPORTS, states: WHILE_ALIVE },
        schema: {
          summary: 'What I am doing',
          description: 'Installing, Idle, Busy, Terminated, in this order; the same state again is no error.',
          tags: ['runner'],
          body: runnerStatusRequest,
          response: {
            200: runnerReport,
            401: problemDetails,
            409: problemDetails,
            422: problemDetails,
            429: problemDetails,
            503: problemDetails,
          },
        },
      },
      async (request) => await storeReport(request.identity.token, request.body),
    );
  };
}
