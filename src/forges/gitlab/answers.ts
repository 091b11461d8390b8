import { z } from 'zod';

/** POST /user/runners (https://docs.gitlab.com/api/users/#create-a-runner-linked-to-a-user). */
export const createdRunner = z.object({ id: z.int(), token: z.string().min(1) });

/** One of GET /runners/all, /groups/:id/runners and /projects/:id/runners (https://docs.gitlab.com/api/runners/). */
export const listedRunner = z.object({
  id: z.int(),
  description: z.string().nullish(),
  /** online, offline, stale, never_contacted; of GitLab before 16 also paused and active. */
  status: z.string(),
  /** Whether it has a job. GitLab of before did not tell: it is asked for the runner's jobs then. */
  job_execution_status: z.enum(['active', 'idle']).nullish(),
});
export type ListedRunner = z.infer<typeof listedRunner>;

/** GET /groups/:id and /projects/:id, and one of GET /groups/:id/projects. */
export const identified = z.object({ id: z.int() });

/** One of GET /projects/:id/jobs (https://docs.gitlab.com/api/jobs/); runners' jobs have no tags in the answer. */
export const listedJob = z.object({ tag_list: z.array(z.string()).nullish() });

/** `jobs` of the instance, of the GraphQL API (https://docs.gitlab.com/api/graphql/reference/#queryjobs). */
export const graphqlJobs = z.object({
  data: z
    .object({
      jobs: z
        .object({
          nodes: z.array(z.object({ tags: z.array(z.string()).nullish() }).nullable()),
          pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullish() }),
        })
        .nullish(),
    })
    .nullish(),
  errors: z.array(z.unknown()).optional(),
});
