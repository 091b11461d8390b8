import { ForgeError } from '../forge_error.ts';
import type { ForgeHttp } from '../http/forge_http.ts';
import { registered, registrationToken } from './answers.ts';
import type { GiteaApi } from './api.ts';
import type { RunnerLabel } from './runner_labels.ts';
import type { GiteaScope } from './scope.ts';

export interface RegisteredRunner {
  id: string;
  uuid: string;
  token: string;
  name: string;
}

/**
 * Makes the record of one ephemeral runner. Gitea's registration token is the same for everybody in the scope and no end
 * is set to it, so it stays here: a pod gets what its one runner got for it.
 */
export async function registerRunner(
  api: GiteaApi,
  http: ForgeHttp,
  scope: GiteaScope,
  { name, labels }: { name: string; labels: readonly RunnerLabel[] },
): Promise<RegisteredRunner> {
  const doing = `register the runner ${name} of ${scope.words}`;
  const { token } = await api.call({
    method: 'POST',
    path: `${scope.path}/runners/registration-token`,
    answer: registrationToken,
    doing: `get a registration token of ${scope.words}`,
    // The same token each time.
    repeatable: true,
  });
  // A call of the Connect protocol, in JSON: https://connectrpc.com/docs/protocol#unary-request
  const { value } = await http.call({
    method: 'POST',
    path: '/api/actions/runner.v1.RunnerService/Register',
    body: { name, token, version: 'harrier', labels: labels.map((label) => label.name), ephemeral: true },
    answer: registered,
    doing,
  });
  const { ephemeral, ...runner } = value.runner;
  if (ephemeral) return runner;
  await api.call({
    ...{ method: 'DELETE', path: `${scope.path}/runners/${runner.id}`, doing: `remove the runner ${name}` },
    answer: registered.optional(),
  });
  throw new ForgeError(
    'Refused',
    `cannot ${doing}: this Gitea has no ephemeral runners; 1.24 is the first that has`,
  );
}
