import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import { RunnerPoolKind, RunnerTokenKind, SecretKind } from '../../../src/kube/kinds.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { API_VERSION } from '../../../src/resources/group.ts';
import type { RunnerToken } from '../../../src/resources/runner_token.ts';
import { type ControllerProcess, startController } from '../../controller/controller_process.ts';
import { clientOf, eventually, PoolInCluster, poolManifest } from '../../controller/pool_in_cluster.ts';
import { useCluster } from '../../support/cluster.ts';
import { ISSUER } from '../../tokens/builders.ts';
import { type ApiProcess, startApi } from '../api_process.ts';

/** A pool named macs without pods of its own, a real controller, and two api replicas by which runners register. */
export function useRegistrations() {
  const cluster = useCluster();
  let client: KubeClient;
  let controller: ControllerProcess;
  let apis: ApiProcess[];
  let pool: PoolInCluster;

  beforeAll(async () => {
    client = clientOf(cluster.kubeconfig);
    const { kubeconfig, namespace } = cluster;
    controller = startController({ kubeconfig, namespace, env: { HARRIER_ISSUER: ISSUER } });
    const spec = { replicas: 0, lifecycle: { onDelete: 'Delete' } };
    await client.create(RunnerPoolKind, poolManifest(namespace, 'macs', spec));
    pool = new PoolInCluster(client, namespace, 'macs');
    const start = () => startApi({ kubeconfig, namespace, runners: namespace });
    apis = await Promise.all([start(), start()]);
  }, 120_000);

  afterAll(async () => {
    await Promise.all(apis.map((api) => api.stop()));
    await controller.kill('SIGTERM');
    await client.close();
  });

  /** Makes a Registration token and answers its value when the controller has made it. */
  async function registration(name: string, spec: Record<string, unknown> = {}): Promise<string> {
    await client.create(RunnerTokenKind, {
      apiVersion: API_VERSION,
      kind: 'RunnerToken',
      metadata: { namespace: cluster.namespace, name },
      spec: {
        type: 'Registration',
        usage: 'Reusable',
        poolRef: { name: 'macs' },
        supersedes: false,
        ...spec,
      },
    });
    const ready = await until(name, (one) => one.status?.phase === 'Active');
    return await valueIn(ready);
  }

  async function valueIn(token: RunnerToken): Promise<string> {
    const secret = await client.get(SecretKind, cluster.namespace, token.status?.secretRef?.name ?? '');
    return Buffer.from(secret?.data?.token ?? '', 'base64').toString();
  }

  async function until(name: string, holds: (token: RunnerToken) => boolean): Promise<RunnerToken> {
    return await eventually(`RunnerToken ${name} as expected`, async () => {
      const token = await client.get(RunnerTokenKind, cluster.namespace, name);
      return token !== undefined && holds(token) && token;
    });
  }

  /** As a client does it: the same again where the api puts it off (503). */
  async function ask(
    api: ApiProcess | undefined,
    method: string,
    path: string,
    bearer: string,
    body?: object,
    key?: string,
  ) {
    for (;;) {
      const answer = await fetch(`${api?.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${bearer}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (answer.status !== 503) return answer;
      await answer.body?.cancel();
      await sleep(1000 * Number(answer.headers.get('retry-after')));
    }
  }

  const register = (api: ApiProcess | undefined, value: string, body: object, key: string = randomUUID()) =>
    ask(api, 'POST', '/v1/registrations', value, body, key);

  /** Waits until each of them knows the value: it then says what the registration lacks, and not that it is nobody's. */
  async function known(value: string, by: readonly (ApiProcess | undefined)[] = apis): Promise<void> {
    await eventually('the value is known', async () => {
      const answers = await Promise.all(by.map((api) => register(api, value, {})));
      return answers.every((one) => one.status === 422);
    });
  }

  async function patch(name: string, spec: Record<string, unknown>) {
    return await client.mergePatch(RunnerTokenKind, cluster.namespace, name, { spec });
  }

  /** Every replica sees a token by its own watch: the registration is retried where the value is not known yet. */
  async function registered(
    value: string,
    name: string,
    more: object = {},
    api: ApiProcess | undefined = apis[0],
  ) {
    return await eventually(`the registration of ${name}`, async () => {
      const answer = await register(api, value, { name, ...more });
      if (answer.status === 401) return undefined;
      expect(answer.status, await answer.clone().text()).toBe(201);
      return (await answer.json()) as {
        token: string;
        runner: { id: string; name: string; attempt: number };
      };
    });
  }

  return {
    cluster,
    registration,
    valueIn,
    until,
    ask,
    known,
    register,
    registered,
    patch,
    get client() {
      return client;
    },
    get apis() {
      return apis;
    },
    get pool() {
      return pool;
    },
  };
}
