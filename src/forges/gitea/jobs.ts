import { giteaJobs } from './answers.ts';
import type { GiteaApi } from './api.ts';
import type { GiteaScope } from './scope.ts';

/** A thousand jobs: who waits behind so many changes nothing any more. */
const MOST_PAGES = 20;

type Job = NonNullable<(typeof giteaJobs)['_output']['jobs']>[number];

/** Jobs of the scope that wait for a runner with no other labels than these. */
export async function countQueued(
  api: GiteaApi,
  scope: GiteaScope,
  labels: ReadonlySet<string>,
): Promise<number> {
  const jobs = await jobsThat(api, scope, 'queued');
  return jobs.filter((job) => (job.labels ?? []).every((label) => labels.has(label))).length;
}

/** Ids of runners that have a job. A runner is known to be busy by its own word only once it has reported of its job. */
export async function runnersWithJobs(api: GiteaApi, scope: GiteaScope): Promise<ReadonlySet<number>> {
  const jobs = await jobsThat(api, scope, 'in_progress');
  return new Set(jobs.map((job) => job.runner_id).filter((id) => id !== undefined));
}

async function jobsThat(
  api: GiteaApi,
  { path, words }: GiteaScope,
  status: 'queued' | 'in_progress',
): Promise<Job[]> {
  const found = new Map<number, Job>();
  let seen = 0;
  let pages = 0;
  const doing = `list the jobs of ${words}`;
  for await (const { jobs, total_count } of api.pages({
    ...{ path: `${path}/jobs`, query: { status }, page: giteaJobs, doing },
  })) {
    for (const job of jobs ?? []) found.set(job.id, job);
    seen += jobs?.length ?? 0;
    pages += 1;
    if (seen >= total_count || jobs === null || jobs.length === 0 || pages >= MOST_PAGES) break;
  }
  return [...found.values()];
}
