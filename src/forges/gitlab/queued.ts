import { ForgeError } from '../forge_error.ts';
import { graphqlJobs, identified, listedJob } from './answers.ts';
import type { GitlabApi } from './api.ts';
import type { GitlabScope } from './scope.ts';

/** GitLab tells jobs of one project at a time: a group of more is not counted, as each would cost a request a poll. */
export const MOST_PROJECTS = 30;
/** Pages of 100 jobs that are looked through; more of them are no reason for more runners than so many. */
const MOST_JOB_PAGES = 10;

const PENDING_JOBS = `query($after: String) {
  jobs(statuses: [PENDING], first: 100, after: $after) {
    nodes { tags }
    pageInfo { hasNextPage endCursor }
  }
}`;

type Tags = readonly string[] | null | undefined;

/** Pending jobs that these runners may take; undefined where GitLab can't be asked for them. */
export async function countQueued(
  api: GitlabApi,
  scope: GitlabScope,
  labels: readonly string[],
): Promise<number | undefined> {
  switch (scope.runnerType) {
    case 'instance_type':
      return takeable(await pendingOfInstance(api), labels);
    case 'project_type':
      return takeable(await pendingOfProject(api, scope.path ?? ''), labels);
    case 'group_type':
      return countInGroup(api, scope, labels);
  }
}

/** A runner of ours takes jobs that have tags, and none but its own (run_untagged is false). */
function takeable(jobs: readonly Tags[], labels: readonly string[]): number {
  const own = new Set(labels);
  return jobs.filter((tags) => tags != null && tags.length > 0 && tags.every((tag) => own.has(tag))).length;
}

async function pendingOfProject(api: GitlabApi, path: string): Promise<Tags[]> {
  const { found } = await api.pages({
    path: `/api/v4${path}/jobs`,
    query: { scope: 'pending' },
    element: listedJob,
    doing: 'list pending jobs',
    mostPages: MOST_JOB_PAGES,
  });
  return found.map(({ tag_list }) => tag_list);
}

async function countInGroup(
  api: GitlabApi,
  { path, words }: GitlabScope,
  labels: readonly string[],
): Promise<number | undefined> {
  const { found: projects, more } = await api.pages({
    path: `/api/v4${path}/projects`,
    query: { include_subgroups: 'true', with_shared: 'false', archived: 'false', simple: 'true' },
    element: identified,
    doing: `list the projects of ${words}`,
    mostPages: 1,
  });
  if (more || projects.length > MOST_PROJECTS) return undefined;
  let count = 0;
  for (const { id } of projects) count += takeable(await jobsIfAny(api, `/projects/${id}`), labels);
  return count;
}

/** A project whose pipelines are switched off, and one that was deleted meanwhile, have no jobs. */
async function jobsIfAny(api: GitlabApi, path: string): Promise<Tags[]> {
  try {
    return await pendingOfProject(api, path);
  } catch (error) {
    if (error instanceof ForgeError && ['Forbidden', 'NotFound'].includes(error.reason)) return [];
    throw error;
  }
}

/** Only the GraphQL API tells jobs of all projects, and to administrators alone, as whose token makes instance runners. */
async function pendingOfInstance(api: GitlabApi): Promise<Tags[]> {
  const found: Tags[] = [];
  let after: string | undefined;
  for (let page = 0; page < MOST_JOB_PAGES; page += 1) {
    const { data, errors } = await api.call({
      method: 'POST',
      path: '/api/graphql',
      body: { query: PENDING_JOBS, variables: { after: after ?? null } },
      answer: graphqlJobs,
      doing: 'count pending jobs',
      repeatable: true,
    });
    const jobs = data?.jobs;
    if (jobs == null || errors !== undefined)
      throw new ForgeError('Unreadable', 'count pending jobs: GitLab’s GraphQL API answered with an error');
    for (const node of jobs.nodes) found.push(node?.tags);
    after = jobs.pageInfo.endCursor ?? undefined;
    if (!jobs.pageInfo.hasNextPage || after === undefined) break;
  }
  return found;
}
