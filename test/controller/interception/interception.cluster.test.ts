import { X509Certificate } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INTERCEPTION_POLICY as POLICY } from '../../../src/controller/interception/policy.ts';
import { reconcileInterception } from '../../../src/controller/interception/reconcile.ts';
import { createInterceptionStates } from '../../../src/controller/interception/states.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import { RunnerPoolKind, type Secret, SecretKind } from '../../../src/kube/kinds.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import type { RunnerPool } from '../../../src/resources/runner_pool.ts';
import { useCluster } from '../../support/cluster.ts';
import { type ControllerProcess, startController } from '../controller_process.ts';
import { clientOf, eventually, PoolInCluster, poolManifest } from '../pool_in_cluster.ts';

const HOST = 'results-receiver.actions.githubusercontent.com';
const GITHUB = {
  type: 'github',
  url: 'https://github.com',
  scope: { type: 'organization', name: 'acme' },
  credentialsSecretRef: { name: 'app' },
};
const DAY = 24 * 3600_000;

const cluster = useCluster();
let client: KubeClient;
let controller: ControllerProcess;
/** Served by a controller's process, and held to the strictest Pod Security Standard. */
let led: string;
/** Of the tests that reconcile themselves, at a time of their own. */
let unled: string;

const restricted = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  [led, unled] = [cluster.namespace, await cluster.newNamespace()];
  await cluster.kubectl('label', 'namespace', led, 'pod-security.kubernetes.io/enforce=restricted');
  for (const namespace of [led, unled])
    await client.create(SecretKind, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace, name: 'app' },
      stringData: { token: 'of-the-forge' },
    });
  controller = startController({ kubeconfig: cluster.kubeconfig, namespace: led });
}, 120_000);
afterAll(async () => {
  await controller.kill('SIGTERM');
  await client.close();
});

async function newPool(namespace: string, name: string, spec: Record<string, unknown> = {}) {
  const containers = [{ name: 'runner', image: 'job.example.test/job:1', securityContext: restricted }];
  const template = { spec: { nodeSelector: { 'harrier.dev/test': 'nowhere' }, containers } };
  await client.create(RunnerPoolKind, poolManifest(namespace, name, { forge: GITHUB, template, ...spec }));
  return new PoolInCluster(client, namespace, name);
}

const secretsOf = async ({ namespace, name }: PoolInCluster) => ({
  ca: await client.get(SecretKind, namespace, `${name}-harrier-ca`),
  tls: await client.get(SecretKind, namespace, `${name}-harrier-tls`),
});
const textOf = (secret: Secret | undefined, key: string) =>
  Buffer.from(secret?.data?.[key] ?? '', 'base64').toString();
const certificatesIn = (text: string) =>
  (text.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map((one) => new X509Certificate(one));
const authoritiesOf = (secret: Secret | undefined) =>
  certificatesIn(textOf(secret, 'ca.crt')).map((one) => one.fingerprint256);

/** The leaf's authority, which has to be one that the pods trust. */
function signerOf(tls: Secret | undefined): string | undefined {
  const leaf = new X509Certificate(textOf(tls, 'tls.crt'));
  expect(leaf.checkHost(HOST)).toBe(HOST);
  return certificatesIn(textOf(tls, 'ca.crt')).find((one) => leaf.verify(one.publicKey))?.fingerprint256;
}

describe('the interception of a pool in a cluster', { timeout: 120_000 }, () => {
  it('has its Secrets before the first pod, which mounts what of them is its own', async () => {
    const pool = await newPool(led, 'whole');
    const [pod] = await eventually('a pod', async () => {
      const selector = ['--selector', 'harrier.dev/pool=whole', '--namespace', led];
      const { items } = await cluster.kubectlJson<{ items: { spec: Record<string, unknown> }[] }>(
        'get',
        'pods',
        ...selector,
      );
      return items.length > 0 && items;
    });
    expect(pod?.spec).toMatchObject({
      hostAliases: [{ ip: '127.0.84.79', hostnames: [HOST] }],
      securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '443' }] },
    });
    const { ca, tls } = await secretsOf(pool);
    const uid = (await pool.get())?.metadata.uid;
    for (const secret of [ca, tls])
      expect(secret?.metadata.ownerReferences).toEqual([
        expect.objectContaining({ kind: 'RunnerPool', name: 'whole', uid, controller: true }),
      ]);
    expect(signerOf(tls)).toBeDefined();
    expect(Object.keys(ca?.data ?? {})).toEqual(['authorities.json']);
    const [{ key }] = (JSON.parse(textOf(ca, 'authorities.json')) as { authorities: [{ key: string }] })
      .authorities;
    for (const one of Object.keys(tls?.data ?? {}))
      expect(textOf(tls, one)).not.toContain(key.split('\n')[1]);
    await eventually(
      'the condition',
      async () => (await pool.condition('CacheIntercepted'))?.status === 'True',
    );
  });

  it('makes no pod while its Secret cannot be made, and says why', async () => {
    const theirs = { namespace: led, name: 'taken-harrier-tls' };
    const made = await client.create(SecretKind, { apiVersion: 'v1', kind: 'Secret', metadata: theirs });
    const pool = await newPool(led, 'taken');
    const told = await eventually('the trouble in a condition', async () => {
      const found = await pool.condition('Degraded');
      return found?.reason === 'InterceptionNotReady' && found;
    });
    expect(told.message).toContain('taken-harrier-tls');
    expect((await pool.condition('CacheIntercepted'))?.status).toBe('False');
    const ofPool = async () =>
      (await pool.pods()).filter((pod) => pod.metadata.labels?.['harrier.dev/pool'] === 'taken');
    expect(await ofPool()).toEqual([]);
    expect((await client.get(SecretKind, led, 'taken-harrier-tls'))?.metadata.resourceVersion).toBe(
      made.metadata.resourceVersion,
    );
    await client.delete(SecretKind, led, 'taken-harrier-tls');
    await eventually('its pod', async () => (await ofPool()).length === 1);
  });

  it('survives the controller`s SIGKILL: what was lost meanwhile is made anew by the same authority', async () => {
    const pool = await newPool(led, 'kept');
    const before = await eventually('both Secrets', async () => {
      const { ca, tls } = await secretsOf(pool);
      return ca !== undefined && tls !== undefined && { ca, tls };
    });
    await controller.kill('SIGKILL');
    await client.delete(SecretKind, led, 'kept-harrier-tls');
    await pool.forgetLease();
    controller = startController({ kubeconfig: cluster.kubeconfig, namespace: led });
    const after = await eventually('the Secret of the pods', async () => (await secretsOf(pool)).tls);
    expect(authoritiesOf(after)).toEqual(authoritiesOf(before.tls));
    expect(controller.output()).not.toContain('PRIVATE KEY');
  });

  it('goes with spec.cache.intercept, once no pod has it', async () => {
    const pool = await newPool(led, 'off');
    await eventually('both Secrets', async () => (await secretsOf(pool)).tls !== undefined);
    await client.mergePatch(RunnerPoolKind, led, 'off', { spec: { cache: { intercept: false } } });
    await eventually('a pod without it', async () => {
      const { items } = await cluster.kubectlJson<{ items: { spec: { hostAliases?: unknown } }[] }>(
        ...['get', 'pods', '--selector', 'harrier.dev/pool=off', '--namespace', led],
      );
      return items.length > 0 && items.every(({ spec }) => spec.hostAliases === undefined);
    });
    await eventually('no condition', async () => (await pool.condition('CacheIntercepted')) === undefined);
    await eventually(
      'no Secret',
      async () => Object.values(await secretsOf(pool)).every((one) => one === undefined),
      // Whether a pod is left is looked at four times a minute.
      60_000,
    );
  });
});

/** One controller's reconciles of a pool that no process serves, at the test's own time. */
function reconcilerOf(pool: RunnerPool, clock: { now: Date }, through: KubeClient = client) {
  const view = {
    pools: { get: () => pool },
    pods: { byIndex: () => [] },
  } as unknown as Parameters<typeof reconcileInterception>[1]['view'];
  const states = createInterceptionStates();
  const { namespace, name, uid } = pool.metadata;
  return {
    ready: () => states.of(`${namespace}/${name}`, uid).ready,
    run: () =>
      reconcileInterception(`${namespace}/${name}`, {
        ...{ client: through, view, states, policy: POLICY, now: () => clock.now },
        changed: () => {},
        log: pino({ level: 'silent' }),
      }),
  };
}

describe('the life of a pool`s authority', { timeout: 120_000 }, () => {
  it('is followed by the next without a moment in which the pods know neither', async () => {
    const inCluster = await newPool(unled, 'years');
    const pool = (await inCluster.get()) as RunnerPool;
    const clock = { now: new Date() };
    const { run, ready } = reconcilerOf(pool, clock);
    let trusted: string[] = [];
    const signers = new Set<string>();
    for (let day = 0; day < 400; day += 8) {
      const { againAfterMs } = await run();
      expect([ready(), againAfterMs]).toEqual([true, 300_000]);
      const { tls } = await secretsOf(inCluster);
      const signer = signerOf(tls) ?? 'nobody';
      // What pods have read 8 days ago still knows the leaf of today.
      if (trusted.length > 0) expect(trusted).toContain(signer);
      trusted = authoritiesOf(tls);
      signers.add(signer);
      expect(Date.parse(new X509Certificate(textOf(tls, 'tls.crt')).validTo)).toBeGreaterThan(
        clock.now.getTime() + 9 * DAY,
      );
      clock.now = new Date(clock.now.getTime() + 8 * DAY);
    }
    expect(signers.size).toBe(2);
    const { authorities } = JSON.parse(textOf((await secretsOf(inCluster)).ca, 'authorities.json')) as {
      authorities: [];
    };
    expect(authorities.length).toBeLessThanOrEqual(2);
  });

  it('loses nothing when two controllers begin it at once', async () => {
    const inCluster = await newPool(unled, 'two');
    const pool = (await inCluster.get()) as RunnerPool;
    const clock = { now: new Date() };
    const both = [reconcilerOf(pool, clock), reconcilerOf(pool, clock)];
    for (let round = 0; round < 20 && !both.every((one) => one.ready()); round++)
      await Promise.allSettled(both.map((one) => one.run()));
    expect(both.map((one) => one.ready())).toEqual([true, true]);
    const { ca, tls } = await secretsOf(inCluster);
    const { authorities } = JSON.parse(textOf(ca, 'authorities.json')) as {
      authorities: { certificate: string }[];
    };
    expect(authoritiesOf(tls)).toEqual(
      authorities.map((one) => new X509Certificate(one.certificate).fingerprint256),
    );
    expect(authoritiesOf(tls)).toContain(signerOf(tls));
  });

  it('leaves a namesake`s Secret alone in a pool that asks for none', async () => {
    const theirs = { namespace: unled, name: 'plain-harrier-ca' };
    await client.create(SecretKind, { apiVersion: 'v1', kind: 'Secret', metadata: theirs });
    const inCluster = await newPool(unled, 'plain', { forge: { type: 'none' } });
    const { run, ready } = reconcilerOf((await inCluster.get()) as RunnerPool, { now: new Date() });
    expect([await run(), ready()]).toEqual([{}, false]);
    expect(await client.get(SecretKind, unled, theirs.name)).toBeDefined();
  });

  it.each([1, 2, 3])('goes on from a crash after write %d, its answer lost', async (cut) => {
    const inCluster = await newPool(unled, `cut-${cut}`);
    const pool = (await inCluster.get()) as RunnerPool;
    const clock = { now: new Date() };
    let writes = 0;
    const killed = { verb: 'PATCH', plural: 'secrets', object: 'any' };
    const dying = async <T>(write: Promise<T>): Promise<T> => {
      const done = await write;
      writes += 1;
      if (writes === cut) throw new KubeError('transient', killed, 'killed');
      return done;
    };
    const through = {
      get: client.get.bind(client),
      create: (...all: Parameters<typeof client.create>) => dying(client.create(...all)),
      mergePatch: (...all: Parameters<typeof client.mergePatch>) => dying(client.mergePatch(...all)),
    } as unknown as KubeClient;
    await expect(reconcilerOf(pool, clock, through).run()).rejects.toThrow('killed');
    const next = reconcilerOf(pool, clock);
    await next.run();
    expect(next.ready()).toBe(true);
    expect(authoritiesOf((await secretsOf(inCluster)).tls)).toHaveLength(1);
  });
});
