import { z } from 'zod';
import { runnerState } from '../resources/runner_token.ts';

/** `POST /v1/introspect`, form-encoded (RFC 7662 section 2.1). Further parameters are ignored, as it asks for. */
export const introspectionRequest = z.object({
  token: z.string().min(1).describe('The runtime JWT in question.'),
  token_type_hint: z.string().optional().describe('Looked at by nobody: there is one type of token.'),
});

/**
 * What is known of a token (RFC 7662 section 2.2). Of one that isn't active nothing but that, whatever the reason: not
 * even whether it was ever issued.
 */
export const introspectionAnswer = z.object({
  active: z.boolean(),
  iss: z.string().optional(),
  sub: z.string().optional().describe('runner:<namespace>/<pool>/<runner>'),
  aud: z.array(z.string()).optional(),
  exp: z.int().optional(),
  iat: z.int().optional(),
  nbf: z.int().optional(),
  jti: z.string().optional().describe('UID of the RunnerToken.'),
  client_id: z.string().optional().describe('<namespace>/<pool>'),
  scope: z
    .string()
    .optional()
    .describe(
      'Separated by spaces: `runner`, then `cache:read:<scope>` and `cache:write:<scope>` with the scope percent-encoded.',
    ),
  token_type: z.literal('Bearer').optional(),
  runner_state: z
    .enum(['Pending', ...runnerState.options])
    .optional()
    .describe('Its state at this moment; Pending until its first report.'),
});
export type IntrospectionAnswer = z.infer<typeof introspectionAnswer>;
