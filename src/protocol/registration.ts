import { z } from 'zod';
import { entityScope, routing } from '../resources/entity.ts';
import { runnerTokenSpec } from '../resources/runner_token.ts';

const runner = runnerTokenSpec.shape.runner.unwrap().shape;

/** `POST /v1/registrations`, with a registration token as bearer. */
export const registrationRequest = z.strictObject({
  name: runner.name,
  labels: runner.labels,
  version: runner.version,
  agent: z.boolean().default(false).describe('Whether an agent token is wanted beside the runner token.'),
  replace: z
    .boolean()
    .default(false)
    .describe('Whether a live runner of this name gives way: its token is refused from then on.'),
});
export type RegistrationRequest = z.infer<typeof registrationRequest>;

/** A runtime JWT and its times; it is shown this once. */
export const issuedTokens = z.object({
  token: z.string().describe('The runtime JWT.'),
  agentToken: z.string().optional().describe('For the agent connection alone.'),
  expiresAt: z.iso.datetime(),
});
export type IssuedTokens = z.infer<typeof issuedTokens>;

export const registrationAnswer = issuedTokens.extend({
  runner: z.object({ id: z.string(), name: z.string(), attempt: z.int() }),
  pool: z.object({ namespace: z.string(), name: z.string() }),
  scope: entityScope,
  routing: routing.optional(),
});
export type RegistrationAnswer = z.infer<typeof registrationAnswer>;
