import type { Forge, ForgeSettings } from '../forge.ts';
import type { ForgeHttp } from '../http/forge_http.ts';
import type { GiteaRunner } from './answers.ts';
import { giteaApi } from './api.ts';
import { countQueued } from './jobs.ts';
import { listRunners } from './list_runners.ts';
import { registerRunner } from './register.ts';
import { registrationFile } from './registration_file.ts';
import { removeRunner } from './remove_runner.ts';
import { runnerLabel } from './runner_labels.ts';
import { giteaScope } from './scope.ts';

/** Gitea by its REST API (https://docs.gitea.com/api/1.26/), and its runner protocol for the making of a record. */
export function openGitea({ forge, secret }: ForgeSettings, http: ForgeHttp): Forge {
  const api = giteaApi(http, secret.token);
  const scope = giteaScope(forge.scope);

  return {
    async join({ name, labels: asked }) {
      const labels = asked.map(runnerLabel);
      const runner = await registerRunner(api, http, scope, { name, labels });
      const files: Record<string, string> = {
        'runner.json': registrationFile({ ...runner, labels, address: forge.url }),
      };
      const authority = secret['ca.crt'];
      if (authority !== undefined) files['ca.crt'] = authority;
      return { record: { id: runner.id, name: runner.name }, files };
    },

    async list(namePrefix) {
      const runners = await listRunners(api, scope);
      return runners
        .filter(({ name }) => name.startsWith(namePrefix))
        .map((runner) => ({ id: String(runner.id), name: runner.name, state: stateOf(runner) }));
    },

    remove: (id) => removeRunner(api, scope, id),
    queued: (labels) => countQueued(api, scope, new Set(labels.map((label) => runnerLabel(label).name))),
    close: () => http.close(),
  };
}

function stateOf({ status, busy }: GiteaRunner): 'Offline' | 'Idle' | 'Busy' {
  if (status !== 'online') return 'Offline';
  return busy ? 'Busy' : 'Idle';
}
