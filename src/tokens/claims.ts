import { z } from 'zod';
import { entityScope } from '../resources/entity.ts';
import { jobIdentity, permission } from '../resources/pool_cache.ts';

export { AGENT_AUDIENCE } from '../resources/group.ts';

/** Header `typ` of a runtime token (RFC 9068). */
export const TOKEN_TYPE = 'at+jwt';
/** The one algorithm that is signed and accepted. */
export const TOKEN_ALGORITHM = 'ES256';
/** Claim under which everything that is Harrier's own stands. */
export const HARRIER_CLAIM = 'harrier.dev';

/** What a runtime JWT says. Times are NumericDates in seconds (RFC 7519). */
export const runtimeClaims = z.object({
  iss: z.string(),
  aud: z.array(z.string()).min(1).describe("The api's audience first, then the pool's own."),
  sub: z.string().describe('runner:<namespace>/<pool>/<runner>'),
  client_id: z.string().describe('<namespace>/<pool>: on whose behalf the runner asks (RFC 9068).'),
  jti: z.string().describe('UID of the RunnerToken.'),
  iat: z.int(),
  nbf: z.int(),
  exp: z.int(),
  [HARRIER_CLAIM]: z.object({
    namespace: z.string(),
    pool: z.object({ name: z.string(), uid: z.string() }),
    runner: z.object({
      id: z.string().describe("The pod's UID, or what a registered runner keeps over its attempts."),
      name: z.string(),
    }),
    pod: z
      .object({ name: z.string(), uid: z.string() })
      .optional()
      .describe('Absent for registered runners.'),
    attempt: z.int().min(1),
    agent: z.boolean().describe('Whether the token is for the agent connection, and for nothing else.'),
    cell: z.string().optional(),
    organization: z.string().optional(),
    forge: z.object({
      type: z.string(),
      scope: entityScope.shape.type.describe('What of the forge the runner serves.'),
      entity: z.string().optional().describe('The organization, or owner/repository.'),
    }),
    artifacts: z
      .object({ maxRetentionDays: z.int().min(1), quotaBytes: z.int().optional() })
      .optional()
      .describe('Absent where artifacts are not enabled. Theirs is the tenant of the cache.'),
    cache: z.object({
      enabled: z.boolean(),
      tenant: z.string().describe('Whose entries: nothing of another tenant is ever seen or touched.'),
      scopes: z.array(z.object({ name: z.string(), permission })),
      jobIdentity: jobIdentity
        .optional()
        .describe(
          'Where it is there, repository and scopes come from the token of the job; scopes restrict.',
        ),
    }),
  }),
});
export type RuntimeClaims = z.infer<typeof runtimeClaims>;
