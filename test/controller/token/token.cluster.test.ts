import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PUBLIC_KEYS_CONFIG_MAP } from '../../../src/controller/keys/observe.ts';
import {
  ConfigMapKind,
  EventKind,
  RunnerPoolKind,
  RunnerTokenKind,
  SecretKind,
} from '../../../src/kube/kinds.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { Annotation, API_VERSION, tokenSecretName } from '../../../src/resources/group.ts';
import { parsePublicKeySet, verificationKeys } from '../../../src/tokens/jwks.ts';
import { createVerifier } from '../../../src/tokens/verify.ts';
import { useCluster } from '../../support/cluster.ts';
import { type ControllerProcess, startController } from '../controller_process.ts';
import { clientOf, eventually, PoolInCluster, poolManifest } from '../pool_in_cluster.ts';

const cluster = useCluster();
let client: KubeClient;
let controller: ControllerProcess;
let pool: PoolInCluster;

beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  controller = startController({
    kubeconfig: cluster.kubeconfig,
    namespace: cluster.namespace,
    env: { HARRIER_LOG_LEVEL: 'trace', HARRIER_CELL: 'north' },
  });
  const token = { audiences: ['https://vault.example.test'] };
  const spec = { replicas: 2, token, routing: { organization: 'acme' } };
  await client.create(RunnerPoolKind, poolManifest(cluster.namespace, 'bearer', spec));
  pool = new PoolInCluster(client, cluster.namespace, 'bearer');
});

afterAll(async () => {
  await controller.kill('SIGTERM');
  await client.close();
});

async function runners(): Promise<string[]> {
  return await eventually('two runners with their identity', async () => {
    const names = (await pool.live()).map((pod) => pod.metadata.name);
    const active = (await pool.tokens())
      .filter((one) => one.status?.phase === 'Active')
      .map((one) => one.metadata.name);
    return names.length === 2 && names.every((name) => active.includes(name)) && names;
  });
}

async function jwtOf(podName: string): Promise<string> {
  const secret = await client.get(SecretKind, cluster.namespace, tokenSecretName(podName));
  return Buffer.from(secret?.data?.token ?? '', 'base64').toString();
}

async function verify(jwt: string) {
  const map = await client.get(ConfigMapKind, cluster.namespace, PUBLIC_KEYS_CONFIG_MAP);
  const verifier = createVerifier({
    issuer: 'https://harrier.example.test',
    audience: 'harrier',
    now: Date.now,
  });
  verifier.useKeys(await verificationKeys(parsePublicKeySet(map?.data?.['jwks.json'] ?? '')));
  return await verifier.verify(jwt);
}

async function phase(podName: string): Promise<string> {
  const { status } = (await client.get(RunnerTokenKind, cluster.namespace, podName)) ?? {};
  return `${status?.phase} ${status?.reason ?? ''}`.trim();
}

describe('RunnerTokens on a real control plane', () => {
  it('speak for their pod by the published keys', async () => {
    const [name = ''] = await runners();
    const token = await client.get(RunnerTokenKind, cluster.namespace, name);
    const [pod] = (await pool.pods()).filter((one) => one.metadata.name === name);
    const claims = await verify(await jwtOf(name));
    expect(claims).toMatchObject({
      aud: ['harrier', 'https://vault.example.test'],
      sub: `runner:${cluster.namespace}/bearer/${name}`,
      jti: token?.metadata.uid,
      'harrier.dev': {
        pod: { name, uid: pod?.metadata.uid },
        cell: 'north',
        organization: 'acme',
      },
    });
    const { issuedAt = '', refreshAt = '', expiresAt = '' } = token?.status ?? {};
    const life = Date.parse(expiresAt) - Date.parse(issuedAt);
    // startupTimeout and a minute, until the runner has reported in.
    expect(life).toBe(660_000);
    const share = (Date.parse(refreshAt) - Date.parse(issuedAt)) / life;
    expect(share).toBeGreaterThanOrEqual(0.7);
    expect(share).toBeLessThanOrEqual(0.9);
  });

  it('get a fresh JWT when it is time, for the same identity', async () => {
    const [name = ''] = await runners();
    const before = await jwtOf(name);
    await pool.report(name, 'Idle');
    await pool.tokenStatus(name, { refreshAt: '2020-01-01T00:00:00Z' }, 'test-clock');
    const after = await eventually('another JWT', async () => {
      const jwt = await jwtOf(name);
      return jwt !== before && jwt;
    });
    const [first, second] = [await verify(before), await verify(after)];
    expect(second.jti).toBe(first.jti);
    expect(second.exp - second.iat).toBe(3600);
  });

  it('made by hand for no runner are not honoured', async () => {
    const podRef = { name: 'somebody', uid: '00000000-0000-0000-0000-000000000000' };
    await client.create(RunnerTokenKind, {
      apiVersion: API_VERSION,
      kind: 'RunnerToken',
      metadata: { namespace: cluster.namespace, name: 'somebody' },
      spec: { podRef, poolRef: { name: 'bearer', uid: 'x' }, audiences: ['harrier'] },
    });
    await eventually('its revocation', async () => (await phase('somebody')) === 'Revoked PodGone');
    const names = (await client.list(SecretKind, cluster.namespace)).items.map((one) => one.metadata.name);
    expect(names).not.toContain(tokenSecretName('somebody'));
  });

  it("made by hand for a runner's pod are not honoured either", async () => {
    const [name = ''] = await runners();
    const [pod] = (await pool.pods()).filter((one) => one.metadata.name === name);
    await client.create(RunnerTokenKind, {
      apiVersion: API_VERSION,
      kind: 'RunnerToken',
      metadata: { namespace: cluster.namespace, name: 'second' },
      spec: {
        podRef: { name, uid: pod?.metadata.uid },
        poolRef: { name: 'bearer', uid: 'x' },
        audiences: ['harrier'],
      },
    });
    await eventually('its revocation', async () => (await phase('second')).startsWith('Revoked'));
    expect(await phase(name)).toBe('Active');
  });

  it('deleted by somebody take an idle runner with them, and a busy one as it finishes', async () => {
    const [idle = '', busy = ''] = await runners();
    await pool.report(idle, 'Idle');
    await pool.report(busy, 'Busy');
    await eventually('both reports', async () => (await pool.get())?.status?.busyReplicas === 1);
    await client.delete(RunnerTokenKind, cluster.namespace, idle);
    await client.delete(RunnerTokenKind, cluster.namespace, busy);
    await eventually('the idle one replaced', async () => {
      const names = (await pool.live()).map((pod) => pod.metadata.name);
      return names.length === 2 && !names.includes(idle) && names.includes(busy);
    });
    await eventually('the record of the loss', async () => (await phase(busy)) === 'Revoked Deleted');
    await pool.endPod(busy, 'Succeeded');
    expect(await runners()).not.toContain(busy);
  });

  it('revoked by somebody take their runner with them, and stay revoked', async () => {
    const [name = ''] = await runners();
    await pool.report(name, 'Idle');
    await pool.tokenStatus(name, { phase: 'Revoked', reason: 'Suspicious' }, 'somebody');
    await eventually('its runner replaced', async () =>
      (await pool.live()).every((pod) => pod.metadata.name !== name),
    );
    const token = await client.get(RunnerTokenKind, cluster.namespace, name);
    expect(token?.status?.phase ?? 'Revoked').toBe('Revoked');
  });

  it('sign with a new key when asked for, while the old one stays published', async () => {
    const map = () => client.get(ConfigMapKind, cluster.namespace, PUBLIC_KEYS_CONFIG_MAP);
    const kids = async () =>
      parsePublicKeySet((await map())?.data?.['jwks.json'] ?? '').keys.map((key) => key.kid);
    const [old = ''] = await kids();
    await client.mergePatch(ConfigMapKind, cluster.namespace, PUBLIC_KEYS_CONFIG_MAP, {
      metadata: { annotations: { [Annotation.rotateRequested]: new Date().toISOString() } },
    });
    await eventually('a second key', async () => (await kids()).length === 2);
    expect(await kids()).toContain(old);
    const [name = ''] = await runners();
    await verify(await jwtOf(name));
    // The annotation stays, and asks only for keys older than itself to be replaced.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await kids()).toHaveLength(2);
  });

  it('stand in their Secrets and nowhere else', async () => {
    const secrets = (await client.list(SecretKind, cluster.namespace)).items;
    const values = secrets.flatMap((one) => Object.values(one.data ?? {}));
    const texts = values.map((value) => Buffer.from(value, 'base64').toString());
    const signatures = texts.filter((one) => one.startsWith('ey')).map((jwt) => jwt.split('.')[2] ?? '');
    const privates = texts.flatMap((one) =>
      [...one.matchAll(/"d":"([^"]+)"/g)].map((match) => match[1] ?? ''),
    );
    expect(signatures.length).toBeGreaterThanOrEqual(2);
    expect(privates.length).toBeGreaterThanOrEqual(1);

    const kinds = ['rp', 'rt', 'pods', 'events', 'configmaps', 'leases'].join(',');
    const everything = await cluster.kubectl('get', kinds, '-o', 'json');
    expect((await client.list(EventKind, cluster.namespace)).items.length).toBeGreaterThan(0);
    for (const secret of [...signatures, ...privates]) {
      expect(everything).not.toContain(secret);
      expect(controller.output()).not.toContain(secret);
    }
    expect(controller.output()).toContain('signing keys');
  });
});
