import { z } from 'zod';

/*
 * What of GitHub's answers is read. Shapes: github/rest-api-description, API version 2022-11-28 (api.github.com and
 * GitHub Enterprise Server alike; for enterprises its ghec description).
 */

const id = z.int().nonnegative();

export const runner = z.object({ id, name: z.string(), status: z.string(), busy: z.boolean() });
export type GithubRunner = z.infer<typeof runner>;

export const runnersPage = z.object({ total_count: z.int(), runners: z.array(runner) });

export const jitConfig = z.object({
  runner: z.object({ id, name: z.string() }),
  encoded_jit_config: z.base64(),
});

/** What is in encoded_jit_config: the files of a configured runner by name, each in base64 (actions/runner, Runner.cs). */
export const jitFiles = z.record(z.string().regex(/^\.[A-Za-z0-9][A-Za-z0-9._-]{0,126}$/), z.base64());

export const groupsPage = z.object({
  total_count: z.number(),
  runner_groups: z.array(z.object({ id: z.number(), name: z.string(), default: z.boolean() })),
});

export const runsPage = z.object({ total_count: z.int(), workflow_runs: z.array(z.object({ id: z.int() })) });

export const jobsPage = z.object({
  total_count: z.int(),
  jobs: z.array(z.object({ id: z.int(), status: z.string(), labels: z.array(z.string()) })),
});

export const repositories = z.array(z.object({ full_name: z.string() }));

export const installation = z.object({ id });

export const installationToken = z.object({ token: z.string().min(1), expires_at: z.iso.datetime() });
