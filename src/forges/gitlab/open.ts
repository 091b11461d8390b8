import { z } from 'zod';
import type { Forge, ForgeRunner, ForgeSettings } from '../forge.ts';
import { ForgeError } from '../forge_error.ts';
import type { ForgeHttp } from '../http/forge_http.ts';
import { unlessGone } from '../unless_gone.ts';
import { createdRunner, listedRunner } from './answers.ts';
import { gitlabApi } from './api.ts';
import { countQueued } from './queued.ts';
import { runnerConfig } from './runner_config.ts';
import { stateOf } from './runner_state.ts';
import { gitlabScope, scopeIds } from './scope.ts';
import { tokenDetails } from './token_details.ts';

/** So many pages of 100 runners; a list that never ends must not be read for ever. */
const MOST_PAGES = 200;

/** GitLab 16.0 and later, by its REST API (https://docs.gitlab.com/api/rest/); read of that of 19.4. */
export function openGitlab(settings: ForgeSettings, http: ForgeHttp): Forge {
  const { forge, pool, secret } = settings;
  const api = gitlabApi(http, secret.token);
  const scope = gitlabScope(forge.scope);
  const idsOfScope = scopeIds(api, scope);
  /** Only a token that was made just now can tell. */
  let details: Readonly<Record<string, string>> | undefined;

  return {
    async join({ name, labels }) {
      const created = await api.call({
        method: 'POST',
        path: '/api/v4/user/runners',
        body: {
          runner_type: scope.runnerType,
          ...(await idsOfScope()),
          description: name,
          maintenance_note: `Made by Harrier for the pool ${pool.namespace}/${pool.name}`,
          tag_list: labels.join(','),
          run_untagged: false,
          locked: scope.runnerType === 'project_type',
        },
        answer: createdRunner,
        doing: `make the runner ${name} of ${scope.words}`,
      });
      details = tokenDetails(created.token);
      const files: Record<string, string> = {
        'config.toml': runnerConfig({ url: forge.url, token: created.token }),
      };
      const authority = secret['ca.crt'];
      if (authority !== undefined) files['ca.crt'] = authority;
      return { record: { id: String(created.id), name }, files };
    },

    async list(namePrefix) {
      const { found: listed, more } = await api.pages({
        path: scope.path === undefined ? '/api/v4/runners/all' : `/api/v4${scope.path}/runners`,
        // A group's list has its parents' runners too, a project's those of the instance.
        query: { type: scope.runnerType },
        element: listedRunner,
        doing: `list the runners of ${scope.words}`,
        mostPages: MOST_PAGES,
      });
      if (more)
        throw new ForgeError(
          'Unreadable',
          `the list of runners of ${scope.words} has more than ${MOST_PAGES} pages`,
        );
      const found: ForgeRunner[] = [];
      for (const runner of listed) {
        const name = runner.description ?? '';
        if (name.startsWith(namePrefix))
          found.push({ id: String(runner.id), name, state: await stateOf(api, runner) });
      }
      return found;
    },

    async remove(id) {
      await unlessGone(
        api.call({
          method: 'DELETE',
          path: `/api/v4/runners/${encodeURIComponent(id)}`,
          answer: z.undefined(),
          doing: `remove the runner ${id}`,
        }),
      );
    },

    queued: (labels) => countQueued(api, scope, labels),
    details: () => details,
    close: () => http.close(),
  };
}
