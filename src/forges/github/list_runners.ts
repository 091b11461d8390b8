import type { ForgeRunner } from '../forge.ts';
import { type GithubRunner, runnersPage } from './answers.ts';
import type { GithubApi } from './api.ts';
import type { GithubScope } from './scope.ts';

const MOST_READINGS = 4;

/**
 * Pages are counted from the list's begin: when a record goes while it is read, another moves from the next page to one
 * that was read already, and would seem to be gone as well. So a list of several pages is read until two readings agree
 * (what has not changed is a 304 each); while they don't, whatever any of them had is there.
 */
export async function listRunners(
  api: Pick<GithubApi, 'pages'>,
  scope: GithubScope,
  prefix: string,
): Promise<ForgeRunner[]> {
  const all = new Map<number, GithubRunner>();
  let before: ReadonlyMap<number, GithubRunner> | undefined;
  for (let reading = 1; reading <= MOST_READINGS; reading++) {
    const { runners, pages } = await readOnce(api, scope);
    if (pages === 1 || (before !== undefined && sameIds(before, runners))) return ofPrefix(runners, prefix);
    for (const [id, runner] of runners) all.set(id, runner);
    before = runners;
  }
  return ofPrefix(all, prefix);
}

async function readOnce(api: Pick<GithubApi, 'pages'>, scope: GithubScope) {
  const runners = new Map<number, GithubRunner>();
  let pages = 0;
  const path = `${scope.path}/actions/runners`;
  const doing = `list the runners of the ${scope.words}`;
  for await (const page of api.pages({ path, page: runnersPage, doing })) {
    pages += 1;
    for (const runner of page.runners) runners.set(runner.id, runner);
  }
  return { runners, pages };
}

function sameIds(one: ReadonlyMap<number, unknown>, other: ReadonlyMap<number, unknown>): boolean {
  return one.size === other.size && [...one.keys()].every((id) => other.has(id));
}

function ofPrefix(runners: ReadonlyMap<number, GithubRunner>, prefix: string): ForgeRunner[] {
  return [...runners.values()].filter(({ name }) => name.startsWith(prefix)).map(asForgeRunner);
}

function asForgeRunner({ id, name, status, busy }: GithubRunner): ForgeRunner {
  return { id: String(id), name, state: busy ? 'Busy' : status === 'online' ? 'Idle' : 'Offline' };
}
