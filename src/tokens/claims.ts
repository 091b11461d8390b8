import { z } from 'zod';
import { permission } from '../resources/runner_pool.ts';

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
  sub: z.string().describe('runner:<namespace>/<pool>/<pod>'),
  jti: z.string().describe('UID of the RunnerToken.'),
  iat: z.int(),
  nbf: z.int(),
  exp: z.int(),
  [HARRIER_CLAIM]: z.object({
    namespace: z.string(),
    pool: z.object({ name: z.string(), uid: z.string() }),
    pod: z.object({ name: z.string(), uid: z.string() }),
    attempt: z.int().min(1),
    cell: z.string().optional(),
    organization: z.string().optional(),
    forge: z.object({ type: z.string(), entity: z.string().optional() }),
    cache: z.object({
      enabled: z.boolean(),
      tenant: z.string().describe('Whose entries: nothing of another tenant is ever seen or touched.'),
      scopes: z.array(z.object({ name: z.string(), permission })),
    }),
  }),
});
export type RuntimeClaims = z.infer<typeof runtimeClaims>;
