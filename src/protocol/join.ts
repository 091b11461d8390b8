import { z } from 'zod';
import { JOIN_FILE_NAME } from './join_file_name.ts';

/** `GET /v1/runner/join`: what the runner joins its forge with, once for each attempt, while it is Installing. */
export const joinAnswer = z.object({
  files: z
    .record(z.string().regex(JOIN_FILE_NAME), z.string().max(256 * 1024))
    .describe('Files for the runner’s join folder, by name. They are shown this once.'),
});
export type JoinAnswer = z.infer<typeof joinAnswer>;
