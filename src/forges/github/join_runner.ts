import type { Joining, RunnerToJoin } from '../forge.ts';
import { ForgeError } from '../forge_error.ts';
import { jitConfig, runnersPage } from './answers.ts';
import type { GithubApi } from './api.ts';
import { readJitConfig } from './jit_files.ts';
import { runnerLabels } from './labels.ts';
import { removeRunner } from './remove_runner.ts';
import type { GithubScope } from './scope.ts';

interface JoinOptions {
  api: GithubApi;
  scope: GithubScope;
  groupId: number;
}

/**
 * By just-in-time configuration: GitHub makes the record of a runner that takes one job and is then removed. A name
 * that is taken (409) is this very runner's, from a call whose answer got lost: nobody has its configuration, so it is
 * made anew.
 */
export async function joinRunner(options: JoinOptions, runner: RunnerToJoin): Promise<Joining> {
  try {
    return await generate(options, runner);
  } catch (error) {
    if (!(error instanceof ForgeError) || error.status !== 409) throw error;
    await removeNamed(options, runner.name);
    return generate(options, runner);
  }
}

async function generate(
  { api, scope, groupId }: JoinOptions,
  { name, labels }: RunnerToJoin,
): Promise<Joining> {
  const { runner, encoded_jit_config } = await api.call({
    method: 'POST',
    path: `${scope.path}/actions/runners/generate-jitconfig`,
    body: { name, runner_group_id: groupId, labels: runnerLabels(labels) },
    answer: jitConfig,
    doing: `make the record of a runner of the ${scope.words}`,
    repeatable: true,
  });
  return { record: { id: String(runner.id), name: runner.name }, files: readJitConfig(encoded_jit_config) };
}

async function removeNamed({ api, scope }: JoinOptions, name: string): Promise<void> {
  const { runners } = await api.call({
    method: 'GET',
    path: `${scope.path}/actions/runners`,
    query: { name },
    answer: runnersPage,
    doing: `find the runner ${name} of the ${scope.words}`,
  });
  for (const runner of runners)
    if (runner.name === name && runner.status !== 'online') await removeRunner(api, scope, String(runner.id));
}
