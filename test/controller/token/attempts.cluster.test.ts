import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RunnerPoolKind, SecretKind } from '../../../src/kube/kinds.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { tokenSecretName } from '../../../src/resources/group.ts';
import { HARRIER_CLAIM, type RuntimeClaims } from '../../../src/tokens/claims.ts';
import { type FakeGithub, startFakeGithub } from '../../forges/github/fake_github.ts';
import { secretManifest } from '../../forges/join_as.ts';
import { type ApiProcess, startApi } from '../../runtime/api_process.ts';
import { useCluster } from '../../support/cluster.ts';
import { ISSUER } from '../../tokens/builders.ts';
import { type ControllerProcess, startController } from '../controller_process.ts';
import { clientOf, eventually, PoolInCluster, poolManifest } from '../pool_in_cluster.ts';

const cluster = useCluster();
let client: KubeClient;
let controller: ControllerProcess;
let api: ApiProcess;
let forge: FakeGithub;

beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  const { kubeconfig, namespace } = cluster;
  forge = await startFakeGithub({ repositories: ['acme/app'] });
  const env = { HARRIER_ISSUER: ISSUER, HARRIER_FORGE_HOSTS: '127.0.0.1' };
  controller = startController({ kubeconfig, namespace, env });
  api = await startApi({ kubeconfig, namespace, runners: namespace });
}, 60_000);

afterAll(async () => {
  await api.stop();
  await controller.kill('SIGTERM');
  await client.close();
  await forge.close();
});

async function runnerAt(pool: PoolInCluster, attempt: number) {
  return await eventually(`attempt ${attempt} with its JWT`, async () => {
    for (const token of await pool.tokens()) {
      if (token.spec.podRef === undefined || token.spec.attempt !== attempt) continue;
      const secret = await client.get(SecretKind, cluster.namespace, tokenSecretName(token.metadata.name));
      const jwt = Buffer.from(secret?.data?.token ?? '', 'base64').toString();
      if (token.status?.phase === 'Active' && jwt !== '')
        return { name: token.metadata.name, jwt, claims: decodeJwt(jwt) as unknown as RuntimeClaims };
    }
    return undefined;
  });
}

const statusOf = async (jwt: string) =>
  (await fetch(`${api.url}/v1/runner`, { headers: { authorization: `Bearer ${jwt}` } })).status;

it('a runner that is started again has another token, and the earlier one is refused once that exists', async () => {
  // The first lives until the api, which has yet to hear of it, was asked; its end is some seconds old at the second.
  const lifecycle = { startupTimeout: '10s', backoff: { initial: '4s', max: '4s' }, onDelete: 'Delete' };
  await client.create(SecretKind, secretManifest(cluster.namespace, 'forge', forge.pat));
  const spec = {
    ...{ replicas: 1, lifecycle, routing: { cell: 'north', organization: 'acme' } },
    forge: {
      type: 'github',
      url: forge.url,
      scope: { type: 'repository', name: 'acme/app' },
      credentialsSecretRef: { name: 'forge' },
    },
  };
  await client.create(RunnerPoolKind, poolManifest(cluster.namespace, 'again', spec));
  const pool = new PoolInCluster(client, cluster.namespace, 'again');

  const first = await runnerAt(pool, 1);
  await eventually('its acceptance', async () => (await statusOf(first.jwt)) === 200);
  expect(first.claims[HARRIER_CLAIM]).toMatchObject({
    runner: { name: first.name },
    pool: { name: 'again' },
    attempt: 1,
    agent: false,
    cell: 'north',
    organization: 'acme',
    forge: { type: 'github', scope: 'repository', entity: 'acme/app' },
  });
  // startupTimeout and the minute in which it is surely removed: the JWT outlives neither.
  expect(first.claims.exp - first.claims.iat).toBe(70);

  // It says nothing in 10 s, so it is started again.
  const second = await runnerAt(pool, 2);
  // An api that is too busy says so to everybody, and nothing of the token.
  const answer = await eventually('an answer', async () => {
    const status = await statusOf(first.jwt);
    return status !== 503 && status;
  });
  expect(answer).toBe(401);
  expect(second.claims.jti).not.toBe(first.claims.jti);
  expect(second.claims[HARRIER_CLAIM].attempt).toBe(2);
  await eventually('its acceptance', async () => (await statusOf(second.jwt)) === 200);
});
