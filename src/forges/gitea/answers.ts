import { z } from 'zod';

/** Read of modules/structs/repo_actions.go and routers/api/v1/shared of Gitea 1.26. */
export const registrationToken = z.object({ token: z.string().min(1) });

export const giteaRunner = z.object({
  id: z.int(),
  name: z.string(),
  status: z.string(),
  /** True for ten seconds after the runner reported of a task; false before its first report. */
  busy: z.boolean(),
});
export type GiteaRunner = z.infer<typeof giteaRunner>;

export const giteaRunners = z.object({
  runners: z.array(giteaRunner).nullable(),
  total_count: z.int(),
});

export const giteaJobs = z.object({
  jobs: z
    .array(z.object({ id: z.int(), labels: z.array(z.string()).nullish(), runner_id: z.int().optional() }))
    .nullable(),
  total_count: z.int(),
});

/** RegisterResponse of the runner protocol, as Connect writes it in JSON: 64-bit numbers are strings there. */
export const registered = z.object({
  runner: z.object({
    id: z.union([z.string(), z.number()]).transform(String),
    uuid: z.string().min(1),
    token: z.string().min(1),
    name: z.string(),
    ephemeral: z.boolean().default(false),
  }),
});
