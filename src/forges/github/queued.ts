import { ForgeError } from '../forge_error.ts';
import { jobsPage, repositories, runsPage } from './answers.ts';
import type { GithubApi } from './api.ts';
import type { GithubScope } from './scope.ts';

/** Labels of each job that waits for a runner. */
type Jobs = readonly (readonly string[])[];

/**
 * GitHub has no list of queued jobs: it is put together from runs, within these bounds. Each question is conditional,
 * and what has not changed costs nothing of the rate limit.
 */
const MOST_REPOSITORIES = 10;
const MOST_RUNS = 40;
/** A run in progress may have jobs that wait; of the other states none has any. */
const ACTIVE = ['queued', 'in_progress'] as const;

/** Queued jobs of the scope, up to the bounds; undefined for an enterprise, which lists no repositories. */
export function createQueued(api: GithubApi, scope: GithubScope): () => Promise<Jobs | undefined> {
  /** Repositories where jobs were found the last time: a schedule or a person starts runs without a push. */
  let active: string[] = [];

  return async () => {
    if (scope.type === 'enterprise') return undefined;
    if (scope.type === 'repository') return queuedIn(api, scope.path, scope.words);
    const paths = new Set([...active, ...(await recentRepositories(api, scope))]);
    const found = await Promise.all(
      [...paths].slice(0, MOST_REPOSITORIES).map(async (path) => ({ path, jobs: await tolerant(api, path) })),
    );
    active = found.filter(({ jobs }) => jobs.length > 0).map(({ path }) => path);
    return found.flatMap(({ jobs }) => jobs);
  };
}

async function recentRepositories(api: GithubApi, { path, words }: GithubScope): Promise<string[]> {
  const found = await api.call({
    method: 'GET',
    path: `${path}/repos`,
    query: { sort: 'pushed', direction: 'desc', per_page: MOST_REPOSITORIES },
    answer: repositories,
    doing: `list the repositories of the ${words}`,
    conditional: true,
  });
  return found.map(({ full_name }) => `/repos/${full_name.split('/').map(encodeURIComponent).join('/')}`);
}

/** One repository may have no Actions, or be gone since the list: the others count nevertheless. */
async function tolerant(api: GithubApi, path: string): Promise<Jobs> {
  try {
    return await queuedIn(api, path, path.slice('/repos/'.length));
  } catch (error) {
    if (error instanceof ForgeError && (error.reason === 'NotFound' || error.reason === 'Forbidden'))
      return [];
    throw error;
  }
}

async function queuedIn(api: GithubApi, path: string, words: string): Promise<Jobs> {
  const runs = await Promise.all(ACTIVE.map((status) => activeRuns(api, { path, words, status })));
  const ids = [...new Set(runs.flat())].slice(0, MOST_RUNS);
  return (await Promise.all(ids.map((id) => queuedOf(api, `${path}/actions/runs/${id}/jobs`, words)))).flat();
}

async function activeRuns(
  api: GithubApi,
  { path, words, status }: { path: string; words: string; status: string },
): Promise<number[]> {
  const { workflow_runs } = await api.call({
    method: 'GET',
    path: `${path}/actions/runs`,
    query: { status, per_page: MOST_RUNS, exclude_pull_requests: 'true' },
    answer: runsPage,
    doing: `list the ${status} runs of ${words}`,
    conditional: true,
  });
  return workflow_runs.map(({ id }) => id);
}

async function queuedOf(api: GithubApi, path: string, words: string): Promise<Jobs> {
  const jobs: (readonly string[])[] = [];
  const doing = `list the jobs of a run of ${words}`;
  for await (const page of api.pages({ path, query: { filter: 'latest' }, page: jobsPage, doing }))
    for (const job of page.jobs) if (job.status === 'queued') jobs.push(job.labels);
  return jobs;
}
