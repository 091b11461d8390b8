import { z } from 'zod';
import { runnerState } from '../resources/runner_token.ts';

/** The messages of those who look after caches and pools; the cache's part in the shape of GitHub's REST API. */

const wholeNumber = (description: string) => z.int().min(0).describe(description);
const time = (description: string) => z.iso.datetime().describe(description);

export const cacheSort = z
  .enum(['created_at', 'last_accessed_at', 'size_in_bytes'])
  .describe('What the list is sorted by.');
export type CacheSort = z.infer<typeof cacheSort>;

/** Query parameters come as text. */
const count = (most: number, fallback: number) =>
  z
    .string()
    .regex(/^[1-9][0-9]{0,8}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(most))
    .default(fallback);

const whose = {
  namespace: z.string().min(1).max(63).optional().describe('Of this namespace alone.'),
};

export const listCachesQuery = z.object({
  ...whose,
  key: z.string().min(1).max(512).optional().describe('A key, or what keys begin with.'),
  ref: z.string().min(1).max(512).optional().describe('Scope, such as refs/heads/main.'),
  sort: cacheSort.default('last_accessed_at'),
  direction: z.enum(['asc', 'desc']).default('desc').describe('Ascending or descending.'),
  per_page: count(100, 30).describe('How many on a page.'),
  page: count(1_000_000, 1).describe('Which page, from 1.'),
});
export type ListCachesQuery = z.infer<typeof listCachesQuery>;

export const deleteCachesQuery = z.object({
  ...whose,
  key: z.string().min(1).max(512).describe('The whole key.'),
  ref: z.string().min(1).max(512).optional().describe('Scope; every scope when absent.'),
});
export type DeleteCachesQuery = z.infer<typeof deleteCachesQuery>;

export const usageQuery = z.object(whose);

export const managedCache = z.object({
  id: z.int().min(1).describe('Id of the entry.'),
  ref: z.string().describe('Its scope.'),
  key: z.string(),
  version: z.string().describe('Of paths and compression, by the client.'),
  last_accessed_at: time('When it was last restored, or saved.'),
  created_at: time('When it was saved.'),
  size_in_bytes: wholeNumber('Bytes.'),
  pool: z.string().describe('`namespace/name` of the pool whose runner saved it. Not of GitHub.'),
});
export type ManagedCache = z.infer<typeof managedCache>;

export const managedCaches = z.object({
  total_count: wholeNumber('Entries there are, on all pages.'),
  actions_caches: z.array(managedCache),
});
export type ManagedCaches = z.infer<typeof managedCaches>;

export const cacheUsage = z.object({
  full_name: z.string().describe('`owner/repository`, or `namespace/pool`.'),
  active_caches_size_in_bytes: wholeNumber('Bytes of all entries.'),
  active_caches_count: wholeNumber('Entries.'),
});
export type CacheUsage = z.infer<typeof cacheUsage>;

export const verifiedCache = z.object({
  outcome: z
    .enum(['sound', 'corrupt', 'unavailable'])
    .describe(
      'Whether the stored bytes are those that were saved. A corrupt entry is taken out of use; of one that could not be read nothing is known.',
    ),
  size_in_bytes: wholeNumber('Bytes that were read.'),
});
export type VerifiedCache = z.infer<typeof verifiedCache>;

const usageOfOne = z.object({
  namespace: z.string(),
  kind: z.enum(['repository', 'pool']).describe('Whose entries these are.'),
  name: z.string().describe('`owner/repository`, or the name of the pool.'),
  host: z.string().optional().describe("The forge's host, of a repository."),
  entries: wholeNumber('Entries.'),
  sizeBytes: wholeNumber('Bytes.'),
});
export type UsageOfOne = z.infer<typeof usageOfOne>;

export const usageList = z.object({ usage: z.array(usageOfOne) });
export type UsageList = z.infer<typeof usageList>;

/** `Pending` until a runner's first report. */
const standing = z.enum(['Pending', ...runnerState.options]);

export const overview = z.object({
  at: time('When this was so.'),
  user: z.string().describe('Who asks, as Kubernetes knows them.'),
  cell: z.string().optional().describe('The cell, where it has a name.'),
  namespaces: z.array(z.string()).describe('Namespaces of which something is shown.'),
  pools: z.array(
    z.object({
      namespace: z.string(),
      name: z.string(),
      repository: z.string().optional().describe('Whose jobs it takes, where that is one repository.'),
      desired: wholeNumber('Runners wanted.'),
      ready: wholeNumber('Runners that are ready.'),
      busy: wholeNumber('Runners with a job.'),
      external: wholeNumber('Runners that joined by registering.'),
      degraded: z.string().optional().describe('What is wrong with it, in words.'),
      runners: z
        .object({
          states: z.partialRecord(standing, z.int().min(1)).describe('How many are in which state.'),
          shown: z.array(
            z.object({
              name: z.string(),
              state: standing,
              since: z.string().describe('When it came to this state.'),
              joined: z.enum(['pod', 'registration']).describe('How it came to the pool.'),
            }),
          ),
        })
        .optional()
        .describe('Absent for whoever may not list the RunnerTokens; at most 200 of them are shown.'),
    }),
  ),
  usage: z.array(usageOfOne).describe('Largest first.'),
  hits: z
    .object({
      stepSeconds: wholeNumber('Length of one step.'),
      since: time('When this replica of the api began to count.'),
      steps: z.array(
        z.object({
          at: time('Begin of the step.'),
          hits: wholeNumber('Hits.'),
          misses: wholeNumber('Misses.'),
        }),
      ),
    })
    .describe(
      'Look-ups of the last 24 hours that this replica of the api answered; quiet steps are left out.',
    ),
});
export type Overview = z.infer<typeof overview>;
