import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunnerPoolKind, RunnerTokenKind, SecretKind } from '../../../src/kube/kinds.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { API_VERSION, tokenSecretName } from '../../../src/resources/group.ts';
import { type ApiProcess, startApi } from '../../runtime/api_process.ts';
import { useCluster } from '../../support/cluster.ts';
import { ISSUER } from '../../tokens/builders.ts';
import { type ControllerProcess, startController } from '../controller_process.ts';
import { clientOf, eventually, PoolInCluster, poolManifest } from '../pool_in_cluster.ts';

const cluster = useCluster();
let client: KubeClient;
let controller: ControllerProcess;
let apis: ApiProcess[];

beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  const { kubeconfig, namespace } = cluster;
  controller = startController({ kubeconfig, namespace, env: { HARRIER_ISSUER: ISSUER } });
  const start = () => startApi({ kubeconfig, namespace, runners: namespace });
  apis = await Promise.all([start(), start()]);
}, 60_000);

afterAll(async () => {
  await Promise.all(apis.map((api) => api.stop()));
  await controller.kill('SIGTERM');
  await client.close();
});

async function aPool(name: string, spec: Record<string, unknown> = {}): Promise<PoolInCluster> {
  await client.create(
    RunnerPoolKind,
    poolManifest(cluster.namespace, name, { replicas: 2, lifecycle: { onDelete: 'Delete' }, ...spec }),
  );
  return new PoolInCluster(client, cluster.namespace, name);
}

const tokenNamed = (name: string) => client.get(RunnerTokenKind, cluster.namespace, name);

function manifest(name: string, pool: string, spec: Record<string, unknown> = {}) {
  return {
    apiVersion: API_VERSION,
    kind: 'RunnerToken',
    metadata: { namespace: cluster.namespace, name },
    spec: { type: 'Registration', usage: 'Reusable', poolRef: { name: pool }, ...spec },
  };
}

async function standing(name: string, phase: string, reason?: string): Promise<void> {
  await eventually(`${name} to be ${phase} ${reason ?? ''}`, async () => {
    const status = (await tokenNamed(name))?.status;
    return status?.phase === phase && (reason === undefined || status.reason === reason);
  });
}

async function secretText(name: string): Promise<string> {
  const secret = await client.get(SecretKind, cluster.namespace, name);
  return Buffer.from(secret?.data?.token ?? '', 'base64').toString();
}

/** The helper's pods are those of the namespace, where other pools are as well. */
async function liveOf(pool: PoolInCluster) {
  return (await pool.live()).filter((pod) => pod.metadata.name.startsWith(`${pool.name}-`));
}

/** Live pods of the pool whose token is Active, with their JWTs. */
async function runners(pool: PoolInCluster, parent: string): Promise<{ name: string; jwt: string }[]> {
  const names = await eventually(`two runners of ${pool.name} that descend from ${parent}`, async () => {
    const live = new Set((await liveOf(pool)).map((pod) => pod.metadata.name));
    const active = (await pool.tokens()).filter(
      (one) =>
        live.has(one.metadata.name) && one.status?.phase === 'Active' && one.spec.parentRef?.name === parent,
    );
    return active.length === 2 && active.map((one) => one.metadata.name);
  });
  return await Promise.all(
    names.map(async (name) => ({ name, jwt: await secretText(tokenSecretName(name)) })),
  );
}

async function statusOf(api: ApiProcess, jwt: string): Promise<number> {
  const answer = await fetch(`${api.url}/v1/runner`, { headers: { authorization: `Bearer ${jwt}` } });
  return answer.status;
}

const ofEveryReplica = (jwts: readonly string[]) =>
  Promise.all(apis.flatMap((api) => jwts.map((jwt) => statusOf(api, jwt))));

async function accepted(jwts: readonly string[]): Promise<void> {
  await eventually('200 of every replica', async () =>
    (await ofEveryReplica(jwts)).every((one) => one === 200),
  );
}

/** That no replica accepts any of them that is shown to it later than so; when its answer comes says nothing. */
async function refused(jwts: readonly string[], withinMs = 5000): Promise<void> {
  const since = Date.now();
  let lastAcceptedMs = 0;
  await eventually('401 of every replica', async () => {
    const shownMs = Date.now() - since;
    const seen = await ofEveryReplica(jwts);
    if (seen.includes(200)) lastAcceptedMs = shownMs;
    return seen.every((one) => one === 401);
  });
  expect(lastAcceptedMs).toBeLessThan(withinMs);
}

async function joined(registrationName: string, runner: string): Promise<string> {
  return await eventually(`${runner} to join`, async () => {
    // Made beside the first runners, not before them.
    const value = await secretText(`${registrationName}-registration`);
    if (value === '') return false;
    const answer = await fetch(`${apis[0]?.url}/v1/registrations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${value}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: runner }),
    });
    return answer.status === 201 && ((await answer.json()) as { token: string }).token;
  });
}

const patch = (name: string, spec: Record<string, unknown>) =>
  client.mergePatch(RunnerTokenKind, cluster.namespace, name, { spec });

describe('descendants of a registration token', () => {
  it('are the runners of a pool that has none: one is made', async () => {
    const pool = await aPool('own');
    const [first] = await runners(pool, 'own');
    const token = await tokenNamed('own');
    expect(token?.spec).toMatchObject({ type: 'Registration', usage: 'Reusable', active: true });
    expect(token?.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'RunnerPool', name: 'own' });
    await eventually(
      'it in the status',
      async () => (await pool.get())?.status?.registrationRef?.name === 'own',
    );
    expect(first).toBeDefined();
    await eventually('their count', async () => (await tokenNamed('own'))?.status?.runners === 2);
  });

  it('are revoked when it is disabled, pods and registered ones; enabling it raises none of them', async () => {
    const pool = await aPool('felled');
    const [idle, busy] = await runners(pool, 'felled');
    if (idle === undefined || busy === undefined) throw new Error('two runners were waited for');
    const external = await joined('felled', 'a-mac');
    const jwts = [idle.jwt, busy.jwt, external];
    await accepted(jwts);
    await pool.report(idle.name, 'Idle');
    await pool.report(busy.name, 'Busy');

    await cluster.kubectl('patch', 'rt', 'felled', '--type=merge', '-p', '{"spec":{"active":false}}');
    await refused(jwts, 1000);
    await standing('felled', 'Inactive', 'Disabled');
    await standing(busy.name, 'Revoked', 'ParentRevoked');
    // Drain, the default: the idle one goes, the busy one may finish; and no other is made.
    await eventually('the idle pod to go', async () => {
      const live = (await liveOf(pool)).map((pod) => pod.metadata.name);
      return live.length === 1 && live[0] === busy.name;
    });
    const degraded = await eventually('what the pool says of it', async () => {
      const condition = await pool.condition('Degraded');
      return condition?.reason === 'RegistrationInactive' && condition;
    });
    expect(degraded.message).toContain('felled');

    await patch('felled', { active: true });
    await standing('felled', 'Active');
    await refused(jwts);
    await eventually('a new runner', async () =>
      (await liveOf(pool)).some((pod) => pod.metadata.name !== busy.name),
    );
    expect(await joined('felled', 'another-mac')).not.toBe('');
    await refused(jwts);
  });

  it('are dead for good though it was enabled again before anybody could look', async () => {
    const pool = await aPool('flicker');
    const jwts = (await runners(pool, 'flicker')).map((one) => one.jwt);
    await accepted(jwts);
    await Promise.all([patch('flicker', { active: false }), patch('flicker', { active: true })]);
    await patch('flicker', { active: true });
    await refused(jwts, 1000);
    await standing('flicker', 'Active');
    await refused(jwts);
    await runners(pool, 'flicker');
  });

  it('go at once, busy or not, where it says so', async () => {
    const pool = await aPool('strict');
    await runners(pool, 'strict');
    await patch('strict', { onRevoke: 'Delete' });
    const before = await runners(pool, 'strict');
    for (const { name } of before) await pool.report(name, 'Busy');
    await eventually('two busy', async () => (await pool.get())?.status?.busyReplicas === 2);
    await client.delete(RunnerTokenKind, cluster.namespace, 'strict');
    await refused(
      before.map((one) => one.jwt),
      1000,
    );
    // Deleted, not disabled: the pool has none any more, and gets another.
    const old = new Set(before.map((one) => one.name));
    // The api refuses the old ones before the controller has got to them.
    await eventually('two others', async () =>
      (await runners(pool, 'strict')).every((one) => !old.has(one.name)),
    );
    await eventually('the old pods to be gone', async () => {
      return (await liveOf(pool)).every((pod) => !old.has(pod.metadata.name));
    });
  });

  it('end with it when a newer one for the same pool and scope comes; a rotation may overlap', async () => {
    const pool = await aPool('rotated');
    const before = (await runners(pool, 'rotated')).map((one) => one.jwt);
    await client.create(RunnerTokenKind, manifest('rotated-beside', 'rotated', { supersedes: false }));
    await standing('rotated-beside', 'Active');
    await accepted(before);
    // Of another scope: they have nothing to do with each other.
    const scope = { type: 'repository', name: 'acme/app' };
    await client.create(RunnerTokenKind, manifest('rotated-elsewhere', 'rotated', { scope }));
    await standing('rotated-elsewhere', 'Active');
    await accepted(before);
    // Creation times are whole seconds: within one, chance decides which is the newer.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await client.create(RunnerTokenKind, manifest('rotated-2', 'rotated'));
    await standing('rotated', 'Inactive', 'Superseded');
    await standing('rotated-beside', 'Inactive', 'Superseded');
    await eventually('it to be disabled', async () => (await tokenNamed('rotated'))?.spec.active === false);
    await refused(before);
    await standing('rotated-elsewhere', 'Active');
    await runners(pool, 'rotated-2');
    // The older one can't be had back while the newer is active.
    await patch('rotated', { active: true });
    await eventually(
      'it to be disabled again',
      async () => (await tokenNamed('rotated'))?.spec.active === false,
    );
  });

  it('of ten made in one instant exactly one stays', async () => {
    await aPool('instant', { replicas: 0 });
    const names = Array.from({ length: 10 }, (_, index) => `instant-${index}`);
    await Promise.all(names.map((name) => client.create(RunnerTokenKind, manifest(name, 'instant'))));
    const settled = await eventually('nine to be superseded', async () => {
      const tokens = await Promise.all(names.map(tokenNamed));
      const superseded = tokens.filter(
        (one) => one?.status?.reason === 'Superseded' && one.spec.active === false,
      );
      const active = tokens.filter((one) => one?.status?.phase === 'Active');
      return superseded.length === 9 && active.length === 1 && tokens;
    });
    const made = settled.map((one) => `${one?.metadata.creationTimestamp} ${one?.metadata.uid}`).sort();
    const winner = settled.find((one) => one?.status?.phase === 'Active');
    expect(`${winner?.metadata.creationTimestamp} ${winner?.metadata.uid}`).toBe(made.at(-1));
    // And every replica lets in by that one alone.
    for (const api of apis)
      for (const name of names) {
        const value = await secretText(`${name}-registration`);
        if (value === '') continue;
        await eventually(`${name} as it stands`, async () => {
          const answer = await fetch(`${api.url}/v1/registrations`, {
            method: 'POST',
            headers: { authorization: `Bearer ${value}`, 'content-type': 'application/json' },
            body: JSON.stringify({ name: `${name}-${api.pid}` }),
          });
          return answer.status === (name === winner?.metadata.name ? 201 : 403) || answer.status === 401;
        });
      }
  });

  it('wait for the one that their pool names, and say so', async () => {
    const pool = await aPool('naming', { token: { registrationRef: { name: 'named' } } });
    const missing = await eventually('the condition', async () => {
      const condition = await pool.condition('Degraded');
      return condition?.reason === 'RegistrationMissing' && condition;
    });
    expect(missing.message).toContain('spec.token.registrationRef');
    await client.create(RunnerTokenKind, manifest('named', 'naming'));
    await runners(pool, 'named');
    expect(await tokenNamed('naming')).toBeUndefined();
  });

  it('say at a glance who holds what', async () => {
    const table = await cluster.kubectl('get', 'rt', 'felled', 'a-mac', '--ignore-not-found');
    expect(table).toMatch(/felled\s+Registration\s+felled/);
  });
});
