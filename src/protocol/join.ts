import { z } from 'zod';

/** `GET /v1/runner/join`: what the runner joins its forge with, once for each attempt, while it is Installing. */
export const joinAnswer = z.object({
  files: z
    .record(
      z
        .string()
        .max(128)
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
      z.string().max(256 * 1024),
    )
    .describe('Files for the runner’s join folder, by name. They are shown this once.'),
});
export type JoinAnswer = z.infer<typeof joinAnswer>;
