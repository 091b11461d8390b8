import { setTimeout as sleep } from 'node:timers/promises';
import { RunnerTokenKind, SecretKind } from '../../../src/kube/kinds.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { tokenSecretName } from '../../../src/resources/group.ts';
import type { ApiProcess } from '../../runtime/api_process.ts';
import { eventually } from '../pool_in_cluster.ts';

/** Puts a credential into the Secret of this name, as its owner does. */
export async function putToken(
  client: KubeClient,
  namespace: string,
  name: string,
  value: string,
): Promise<void> {
  const data = { token: Buffer.from(value).toString('base64') };
  const manifest = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, data };
  await client.apply(SecretKind, manifest, { fieldManager: 'its-owner', force: true });
}

/** Names of the pool's runners that have their identity, once there are so many. */
export async function liveRunners(
  client: KubeClient,
  namespace: string,
  pool: string,
  count: number,
): Promise<string[]> {
  return await eventually(`${count} runners of ${pool} with their identity`, async () => {
    const { items } = await client.list(RunnerTokenKind, namespace);
    const active = items.filter(
      ({ spec, status }) =>
        spec.podRef !== undefined && spec.poolRef.name === pool && status?.phase === 'Active',
    );
    return active.length === count && active.map((one) => one.metadata.name).sort();
  });
}

/** What a replica says to a runner that asks for what was supplied for it. */
export interface CredentialAnswer {
  status: number;
  cached: string | null;
  credential?: string;
  code?: string;
  detail?: string;
  /** Id of the request, as the log has it too. */
  instance?: string;
}

export interface Call {
  /** Number of the replica. */
  api?: number;
  key?: string;
}

/** Runners, as they ask the replicas for their credentials. */
export interface Asking {
  /** Asks until a replica can tell: 503 says that it could not, and to come again. */
  ask(runner: string, call?: Call): Promise<CredentialAnswer>;
  askOnce(runner: string, call?: Call): Promise<CredentialAnswer>;
  /** The runner, as soon as each replica knows of it. */
  known(runner: string): Promise<string>;
}

/** As long as `retry-after` says at least; a replica takes ten calls of a runner in ten seconds. */
const AGAIN_MS = 1_100;
const TRIES = 20;

/** @param apis The replicas, of which there may be more or fewer later. */
export function askingOf(client: KubeClient, namespace: string, apis: readonly ApiProcess[]): Asking {
  async function bearerOf(runner: string): Promise<string> {
    const secret = await client.get(SecretKind, namespace, tokenSecretName(runner));
    return `Bearer ${Buffer.from(secret?.data?.token ?? '', 'base64').toString()}`;
  }

  async function askOnce(runner: string, { api = 0, key }: Call = {}): Promise<CredentialAnswer> {
    const answer = await fetch(`${apis[api]?.url}/v1/runner/credential`, {
      headers: {
        authorization: await bearerOf(runner),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
    });
    const body = (await answer.json()) as Partial<CredentialAnswer>;
    return { ...body, status: answer.status, cached: answer.headers.get('cache-control') };
  }

  /**
   * Whether the answer is about the replica and not about the runner: it did not hear the apiserver or the controller
   * in time, as comes to pass on a machine with too much to do. That a credential is withheld is about the runner.
   */
  async function couldNotTell({ status, detail = '', instance }: CredentialAnswer, api = 0) {
    if (status === 503) return !detail.includes("can't be handed out now");
    return status === 401 && (await refusalOf(instance, apis[api])) === 'unverifiable';
  }

  return {
    askOnce,
    async ask(runner, call) {
      for (let tried = 1; ; tried += 1) {
        const answer = await askOnce(runner, call);
        if (tried === TRIES || !(await couldNotTell(answer, call?.api))) return answer;
        await sleep(AGAIN_MS);
      }
    },
    async known(runner) {
      const authorization = await bearerOf(runner);
      for (const { url } of apis)
        await eventually(
          `${runner} at ${url}`,
          async () => (await fetch(`${url}/v1/runner`, { headers: { authorization } })).ok,
        );
      return runner;
    },
  };
}

/** Why this request's token was refused: the replica says it in its log alone. */
async function refusalOf(instance: string | undefined, api: ApiProcess | undefined): Promise<string> {
  const id = instance?.replace('urn:uuid:', '') ?? 'no id';
  return await eventually(`the refusal of ${id} in the log`, async () => {
    const line = api
      ?.logged()
      .split('\n')
      .find((one) => one.includes(id) && one.includes('"refusal":'));
    return line && /"refusal":"([a-z-]+)"/.exec(line)?.[1];
  });
}
