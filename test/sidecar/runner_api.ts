import pino from 'pino';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import { DEFAULT_LIMITS } from '../../src/runtime/limits.ts';
import { createApiMetrics } from '../../src/runtime/metrics.ts';
import { problem } from '../../src/runtime/problem.ts';
import { runnerRoutes } from '../../src/runtime/routes/runner.ts';
import { type Api, buildServer } from '../../src/runtime/server.ts';
import { nextReport, type Report } from '../../src/runtime/transition.ts';
import { HARRIER_CLAIM, type RuntimeClaims } from '../../src/tokens/claims.ts';
import { TokenRefused } from '../../src/tokens/refusal.ts';

/** The api's runner routes and its own rules of transition, with the last report kept here instead of in a cluster. */
export async function buildRunnerApi(bearers: Set<string>): Promise<{ api: Api; reports: Report[] }> {
  const reports: Report[] = [];
  const token = {
    metadata: { name: 'pod-1', namespace: 'runners', uid: 'jti-1' },
    status: { expiresAt: '2100-01-01T00:00:00Z' },
  };
  const api = await buildServer({
    log: pino({ level: 'silent' }),
    limits: DEFAULT_LIMITS,
    metrics: createApiMetrics(),
    authentication: {
      verifier: {
        ready: true,
        useKeys: () => {},
        verify(bearer) {
          if (!bearers.has(bearer)) throw new TokenRefused('unknown-token');
          return CLAIMS;
        },
      },
      live: {
        check: () =>
          ({ ...token, status: { ...token.status, runner: reports.at(-1) } }) as unknown as RunnerToken,
      },
    },
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

const CLAIMS: RuntimeClaims = {
  iss: 'https://harrier.test',
  aud: ['harrier'],
  sub: 'runner:runners/pool/pod-1',
  jti: 'jti-1',
  iat: 0,
  nbf: 0,
  exp: 4_102_444_800,
  [HARRIER_CLAIM]: {
    namespace: 'runners',
    pool: { name: 'pool', uid: 'pool-uid' },
    pod: { name: 'pod-1', uid: 'pod-uid' },
    attempt: 1,
    forge: { type: 'none' },
    cache: { enabled: true, tenant: 'acme/app', scopes: [] },
  },
};
