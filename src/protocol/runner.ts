import { z } from 'zod';
import { entityScope } from '../resources/entity.ts';
import { permission } from '../resources/runner_pool.ts';
import { runnerReport, runnerState } from '../resources/runner_token.ts';

/** `GET /v1/runner`: who the bearer is. */
export const runnerView = z.object({
  namespace: z.string(),
  pool: z.string(),
  runner: z.object({ id: z.string(), name: z.string() }),
  pod: z.object({ name: z.string(), uid: z.string() }).optional().describe('Absent for a registered runner.'),
  attempt: z.int().min(1),
  forge: z.object({
    type: z.string(),
    scope: entityScope.shape.type,
    entity: z.string().optional(),
  }),
  token: z.object({
    id: z.string().describe('The jti: UID of the RunnerToken.'),
    expiresAt: z.iso.datetime(),
  }),
  cache: z.object({ enabled: z.boolean(), scopes: z.array(z.object({ name: z.string(), permission })) }),
  report: runnerReport.optional(),
});
export type RunnerView = z.infer<typeof runnerView>;

/** `POST /v1/runner/status`: what the runner says of itself. Answers the report as stored. */
export const runnerStatusRequest = z.strictObject({
  state: runnerState,
  message: z.string().max(1024).optional(),
});
export type RunnerStatusRequest = z.infer<typeof runnerStatusRequest>;

/** `GET /v1/runner/credential`: the supplied credential, once for each attempt. */
export const credentialAnswer = z.object({
  credential: z.string().describe('As it is to be presented; it is shown this once.'),
});
export type CredentialAnswer = z.infer<typeof credentialAnswer>;
