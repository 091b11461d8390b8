import { z } from 'zod';
import type { Answer, Asked } from '../wire.ts';
import { type FakeJob, type FakeRunner, type GithubState, jitConfigOf } from './github_state.ts';

const DOCS = 'https://docs.github.com/rest';
const SCOPE = '(/repos/[^/]+/[^/]+|/orgs/[^/]+|/enterprises/[^/]+)';

export function refusal(status: number, message: string): Answer {
  return { status, body: { message, documentation_url: DOCS, status: String(status) } };
}

interface Given {
  state: GithubState;
  asked: Asked;
  /** Of the API: http://127.0.0.1:1234/api/v3. */
  base: string;
  /** What the path's pattern caught. */
  parts: string[];
}

type Route = [method: string, path: RegExp, serve: (given: Given) => Answer];

const ROUTES: readonly Route[] = [
  ['POST', new RegExp(`^${SCOPE}/actions/runners/generate-jitconfig$`), generateJitConfig],
  ['GET', new RegExp(`^${SCOPE}/actions/runners$`), listRunners],
  ['DELETE', new RegExp(`^${SCOPE}/actions/runners/(\\d+)$`), removeRunner],
  ['GET', /^((?:\/orgs|\/enterprises)\/[^/]+)\/actions\/runner-groups$/, listGroups],
  ['GET', /^\/repos\/([^/]+\/[^/]+)\/actions\/runs$/, listRuns],
  ['GET', /^\/repos\/([^/]+\/[^/]+)\/actions\/runs\/(\d+)\/jobs$/, listJobs],
  ['GET', /^\/orgs\/([^/]+)\/repos$/, listRepositories],
];

/** What GitHub says to somebody who may; undefined for a path that it does not have. */
export function serveRoute(state: GithubState, asked: Asked, path: string, base: string): Answer | undefined {
  for (const [method, pattern, serve] of ROUTES) {
    const found = pattern.exec(path);
    if (found === null || method !== asked.method) continue;
    return serve({ state, asked, base, parts: found.slice(1) });
  }
  return undefined;
}

const jitRequest = z.object({
  name: z.string().min(1).max(64),
  runner_group_id: z.int(),
  labels: z.array(z.string().min(1)).min(1).max(100),
});

function generateJitConfig({ state, asked, base, parts: [scope = ''] }: Given): Answer {
  const read = jitRequest.safeParse(JSON.parse(asked.body));
  if (!read.success)
    return refusal(422, `Invalid input: ${read.error.issues[0]?.path.join('.')} is missing or wrong.`);
  const { name, labels, runner_group_id: groupId } = read.data;
  const known = groupsOf(state, scope).some(({ id }) => id === groupId);
  if (!known) return refusal(404, 'Not Found');
  const taken = [...state.runners.values()].some((one) => one.scope === scope && one.name === name);
  if (taken) return refusal(409, `Already exists - A runner with the name ${name} already exists.`);
  const runner = state.addRunner({ name, scope, labels, groupId });
  return { status: 201, body: { runner: shown(runner), encoded_jit_config: jitConfigOf(runner, base) } };
}

function listRunners(given: Given): Answer {
  const { state, asked, parts } = given;
  const name = asked.url.searchParams.get('name');
  const all = [...state.runners.values()].filter(
    (one) => one.scope === parts[0] && (name === null || one.name === name),
  );
  return page(given, 'runners', all.map(shown));
}

function removeRunner({ state, parts: [scope, id] }: Given): Answer {
  const runner = state.runners.get(Number(id));
  if (runner === undefined || runner.scope !== scope) return refusal(404, 'Not Found');
  if (runner.busy)
    return refusal(
      422,
      `Bad request - Runner "${runner.name}" is currently running a job and cannot be deleted.`,
    );
  state.runners.delete(runner.id);
  return { status: 204 };
}

function listGroups(given: Given): Answer {
  const { state, parts, base } = given;
  const groups = groupsOf(state, parts[0] ?? '').map((group) => ({
    ...group,
    visibility: 'all',
    inherited: false,
    allows_public_repositories: false,
    runners_url: `${base}${parts[0]}/actions/runner-groups/${group.id}/runners`,
  }));
  return page(given, 'runner_groups', groups);
}

function listRuns(given: Given): Answer {
  const { state, asked, parts } = given;
  const wanted = asked.url.searchParams.get('status');
  const ids = [...new Set(state.jobs.filter((job) => job.repository === parts[0]).map(({ runId }) => runId))];
  const runs = ids
    .map((id) => ({ id, status: state.statusOfRun(id), name: 'CI', event: 'push' }))
    .filter(({ status }) => wanted === null || status === wanted);
  return page(given, 'workflow_runs', runs.reverse());
}

function listJobs(given: Given): Answer {
  const { state, parts } = given;
  const jobs = state.jobs.filter((job) => job.repository === parts[0] && job.runId === Number(parts[1]));
  return page(given, 'jobs', jobs.map(shownJob));
}

function listRepositories(given: Given): Answer {
  const { state, asked, parts, base } = given;
  const { slice, headers } = paged(
    asked,
    base,
    state.repositories.filter((name) => name.startsWith(`${parts[0]}/`)),
  );
  const body = slice.map((full_name) => ({ full_name, name: full_name.split('/')[1] }));
  return { status: 200, headers, body };
}

function groupsOf(state: GithubState, scope: string) {
  return [{ id: 1, name: 'Default', default: true }, ...(state.groups.get(scope) ?? [])];
}

function shown({ id, name, status, busy, labels, groupId }: FakeRunner) {
  const all = labels.map((label, index) => ({ id: index + 1, name: label, type: 'custom' }));
  return { id, name, os: 'unknown', status, busy, runner_group_id: groupId, ephemeral: true, labels: all };
}

function shownJob({ id, runId, status, conclusion, labels, runnerId }: FakeJob) {
  return {
    id,
    run_id: runId,
    status,
    conclusion,
    labels,
    runner_id: runnerId,
    name: 'build',
    run_attempt: 1,
  };
}

function page({ asked, base }: Given, key: string, all: readonly unknown[]): Answer {
  const { slice, headers } = paged(asked, base, all);
  return { status: 200, headers, body: { total_count: all.length, [key]: slice } };
}

/** https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api */
function paged<T>(asked: Asked, base: string, all: readonly T[]) {
  const { searchParams, pathname } = asked.url;
  const size = Math.min(100, Number(searchParams.get('per_page') ?? 30));
  const at = Number(searchParams.get('page') ?? 1);
  const last = Math.max(1, Math.ceil(all.length / size));
  const link = (rel: string, number: number) => {
    const query = new URLSearchParams(searchParams);
    query.set('page', String(number));
    return `<${new URL(base).origin}${pathname}?${query}>; rel="${rel}"`;
  };
  const links = [
    ...(at > 1 ? [link('prev', at - 1), link('first', 1)] : []),
    ...(at < last ? [link('next', at + 1), link('last', last)] : []),
  ];
  const headers: Record<string, string> = links.length === 0 ? {} : { link: links.join(', ') };
  return { slice: all.slice((at - 1) * size, at * size), headers };
}
