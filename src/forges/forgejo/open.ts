import { z } from 'zod';
import type { Forge, ForgeSettings } from '../forge.ts';
import { ForgeError } from '../forge_error.ts';
import { giteaApi } from '../gitea/api.ts';
import { runnerLabel } from '../gitea/runner_labels.ts';
import { giteaScope } from '../gitea/scope.ts';
import type { ForgeHttp } from '../http/forge_http.ts';
import { unlessGone } from '../unless_gone.ts';
import { type ForgejoRunner, forgejoJobs, forgejoRunner, registeredRunner } from './answers.ts';
import { connectionFile } from './connection_file.ts';
import { listRunners } from './list_runners.ts';

const STATES = { offline: 'Offline', idle: 'Idle', active: 'Busy' } as const satisfies Record<
  ForgejoRunner['status'],
  string
>;

/**
 * Forgejo 15 and later by its REST API (https://forgejo.org/docs/latest/user/api-usage/). It has Gitea's paths, and makes
 * runners by the API itself, so that there is no registration token. What it can't is disable a runner: between the look
 * at it and its removal it may be given a job.
 */
export function openForgejo({ forge, pool, secret }: ForgeSettings, http: ForgeHttp): Forge {
  const api = giteaApi(http, secret.token);
  const { path, words } = giteaScope(forge.scope);

  return {
    async join({ name, labels: asked }) {
      const labels = asked.map(runnerLabel);
      const runner = await api.call({
        method: 'POST',
        path: `${path}/runners`,
        body: { name, ephemeral: true, description: `Of the Harrier pool ${pool.namespace}/${pool.name}` },
        answer: registeredRunner,
        doing: `register the runner ${name} of ${words}`,
      });
      const files: Record<string, string> = {
        'connection.json': connectionFile({ ...runner, labels, address: forge.url }),
      };
      const authority = secret['ca.crt'];
      if (authority !== undefined) files['ca.crt'] = authority;
      return { record: { id: String(runner.id), name }, files };
    },

    async list(namePrefix) {
      const runners = await listRunners(api, { path, words });
      return runners
        .filter(({ name }) => name.startsWith(namePrefix))
        .map(({ id, name, status }) => ({ id: String(id), name, state: STATES[status] }));
    },

    async remove(id) {
      const runner = `${path}/runners/${encodeURIComponent(id)}`;
      const doing = `remove the runner ${id} of ${words}`;
      const seen = await unlessGone(api.call({ method: 'GET', path: runner, answer: forgejoRunner, doing }));
      if (seen === undefined) return;
      if (seen.status === 'active') throw new ForgeError('Refused', `cannot ${doing}: it has a job`);
      await unlessGone(api.call({ method: 'DELETE', path: runner, answer: z.undefined(), doing }));
    },

    async queued(asked) {
      const labels = asked.map((label) => runnerLabel(label).name);
      // Forgejo leaves out of its answer what these labels do not do for; it has no pages.
      const jobs = await api.call({
        method: 'GET',
        path: `${path}/runners/jobs`,
        query: { labels: labels.join(',') },
        answer: forgejoJobs,
        doing: `list the jobs of ${words}`,
      });
      const fits = (wanted: readonly string[]) => wanted.every((label) => labels.includes(label));
      return (jobs ?? []).filter(({ status, runs_on }) => status === 'waiting' && fits(runs_on ?? [])).length;
    },

    close: () => http.close(),
  };
}
