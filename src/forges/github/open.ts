import type { Forge, ForgeSettings } from '../forge.ts';
import type { ForgeHttp } from '../http/forge_http.ts';
import { githubApi } from './api.ts';
import { githubAuthorization } from './authorization.ts';
import { joinRunner } from './join_runner.ts';
import { matches } from './labels.ts';
import { listRunners } from './list_runners.ts';
import { createQueued } from './queued.ts';
import { removeRunner } from './remove_runner.ts';
import { findRunnerGroup } from './runner_group.ts';
import { githubScope } from './scope.ts';

/** GitHub, its Enterprise Cloud and Enterprise Server. `http` has the API's base (api_base.ts). */
export function openGithub(
  { forge, secret }: ForgeSettings,
  http: ForgeHttp,
  wallClock: () => Date = () => new Date(),
): Forge {
  const scope = githubScope(forge.scope);
  const api = githubApi(http, githubAuthorization({ secret, scope, http, wallClock }));
  const queuedJobs = createQueued(api, scope);
  let groupId: number | undefined;

  return {
    async join(runner) {
      groupId ??= await findRunnerGroup(api, scope, forge.runnerGroup);
      const { record, files } = await joinRunner({ api, scope, groupId }, runner);
      const authority = secret['ca.crt'];
      return { record, files: authority === undefined ? files : { ...files, 'ca.crt': authority } };
    },
    list: (namePrefix) => listRunners(api, scope, namePrefix),
    remove: (id) => removeRunner(api, scope, id),
    async queued(labels) {
      const jobs = await queuedJobs();
      return jobs?.filter((job) => matches(job, labels, forge.runnerGroup !== undefined)).length;
    },
    close: () => http.close(),
  };
}
