import pino from 'pino';
import { DEFAULT_LIMITS } from '../../src/runtime/limits.ts';
import { createApiMetrics } from '../../src/runtime/metrics.ts';
import { problem } from '../../src/runtime/problem.ts';
import { runnerRoutes } from '../../src/runtime/routes/runner.ts';
import { type Api, buildServer } from '../../src/runtime/server.ts';
import { nextReport, type Report } from '../../src/runtime/transition.ts';
import { claimsNaming, trusting } from '../support/authentication.ts';

/** The api's runner routes and its own rules of transition, with the last report kept here instead of in a cluster. */
export async function buildRunnerApi(bearers: Set<string>): Promise<{ api: Api; reports: Report[] }> {
  const reports: Report[] = [];
  const token = {
    metadata: {
      name: 'pod-1',
      namespace: 'runners',
      uid: 'jti-pod-1',
      resourceVersion: '1',
      creationTimestamp: '2026-11-21T08:00:00Z',
    },
    status: { phase: 'Active' as const, conditions: [] },
  };
  const api = await buildServer({
    log: pino({ level: 'silent' }),
    limits: { ...DEFAULT_LIMITS, maxEventLoopDelayMs: 0 },
    metrics: createApiMetrics(),
    authentication: trusting(
      (bearer) => (bearers.has(bearer) ? CLAIMS : undefined),
      () => ({ ...token, status: { ...token.status, runner: reports.at(-1) } }),
    ),
    routes: [
      runnerRoutes(async (_token, said) => {
        const before = reports.at(-1);
        const report = nextReport(before, said, new Date());
        if (report === undefined) throw problem('illegal-transition', `not after ${before?.state}`);
        if (report !== before) reports.push(report);
        return report;
      }),
    ],
  });
  return { api, reports };
}

const CLAIMS = claimsNaming('pod-1', { enabled: true, tenant: 'acme/app', scopes: [] });
