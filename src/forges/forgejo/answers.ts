import { z } from 'zod';

/**
 * Read of Forgejo's published API description (/swagger.v1.json of version 15). A list is an array there, and its length
 * in X-Total-Count.
 */
export const forgejoRunner = z.object({
  id: z.int(),
  name: z.string(),
  status: z.enum(['offline', 'idle', 'active']).catch('offline'),
});
export type ForgejoRunner = z.infer<typeof forgejoRunner>;

/** An empty list of jobs is null. */
export const forgejoJobs = z
  .array(
    z.object({
      status: z.string(),
      runs_on: z.array(z.string()).nullish(),
    }),
  )
  .nullable();

export const registeredRunner = z.object({
  id: z.int(),
  uuid: z.string().min(1),
  token: z.string().min(1),
});
