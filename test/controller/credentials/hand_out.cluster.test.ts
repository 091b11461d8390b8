import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventKind, RunnerPoolKind, RunnerTokenKind, SecretKind } from '../../../src/kube/kinds.ts';
import type { Kind, KubeClient, KubeObject } from '../../../src/kube/types.ts';
import { API_VERSION, FieldManager, HANDOVER_SECRET } from '../../../src/resources/group.ts';
import { type ApiProcess, startApi } from '../../runtime/api_process.ts';
import { useCluster } from '../../support/cluster.ts';
import { ISSUER } from '../../tokens/builders.ts';
import { type ControllerProcess, startController } from '../controller_process.ts';
import { clientOf, eventually, PoolInCluster, poolManifest } from '../pool_in_cluster.ts';
import { type Asking, askingOf, liveRunners, putToken } from './stand.ts';
import { ISSUER_OF_OTHERS, startValidatingService, type ValidatingService } from './validating_service.ts';

const cluster = useCluster();
/** Every credential of this file has it in it, so that one search finds what was given away. */
const CANARY = 'canaryQz81mVtR5xw0';

let client: KubeClient;
let controller: ControllerProcess;
let apis: ApiProcess[];
let service: ValidatingService;
let ask: Asking['ask'];
let askOnce: Asking['askOnce'];
let known: Asking['known'];

beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  service = await startValidatingService();
  const { kubeconfig, namespace } = cluster;
  controller = begin();
  apis = await Promise.all(
    [1, 2].map(() =>
      startApi({ kubeconfig, namespace, runners: namespace, env: { HARRIER_LOG_LEVEL: 'trace' } }),
    ),
  );
  ({ ask, askOnce, known } = askingOf(client, namespace, apis));
}, 120_000);

function begin(): ControllerProcess {
  const { kubeconfig, namespace } = cluster;
  const env = { HARRIER_CREDENTIAL_HOSTS: service.host, HARRIER_ISSUER: ISSUER, HARRIER_LOG_LEVEL: 'trace' };
  return startController({ kubeconfig, namespace, env });
}

afterAll(async () => {
  await Promise.all(apis.map((api) => api.stop()));
  await controller.kill('SIGTERM');
  await service.close();
  await client.close();
});

let credentials = 0;
/** A credential that the service knows. */
function account(login: string, scopes: string[]): string {
  const credential = `${CANARY}-${++credentials}`;
  service.accounts.set(credential, { login, scopes });
  return credential;
}

const putSecret = (name: string, value: string) => putToken(client, cluster.namespace, name, value);

const asking = () => ({
  validate: {
    url: service.url('/user'),
    subject: { pointer: '/login' },
    scopes: { header: 'X-OAuth-Scopes' },
  },
});

/** A pool whose runners are given what is in the Secret of its name. */
async function makePool(
  name: string,
  { how = asking(), replicas = 1 }: { how?: object | undefined; replicas?: number } = {},
): Promise<PoolInCluster> {
  const token = { supplied: { secretRef: { name, key: 'token' }, ...how } };
  await client.create(RunnerPoolKind, poolManifest(cluster.namespace, name, { replicas, token }));
  return new PoolInCluster(client, cluster.namespace, name);
}

const live = (name: string, count = 1) => liveRunners(client, cluster.namespace, name, count);
const tokenOf = (runner: string) => client.get(RunnerTokenKind, cluster.namespace, runner);

describe('what is recorded', () => {
  it('is whom the credential speaks for and its scopes, sorted and each once', async () => {
    await putSecret('recorded', account('ada', ['write', 'admin', 'write', 'read']));
    const pool = await makePool('recorded');
    const [runner = ''] = await live('recorded');
    const recorded = { subject: 'ada', scopes: ['admin', 'read', 'write'] };
    expect((await tokenOf(runner))?.status?.recorded).toEqual(recorded);
    // The pool's status is written after the runner was made.
    const ofPool = await eventually('that of the pool', async () => (await pool.get())?.status?.recorded);
    expect(ofPool).toEqual(recorded);
  });

  it('is of a JWT what it says itself, once its signature was found good by the published keys', async () => {
    await putSecret('keys', await service.jwt({ sub: 'robot', scope: 'b a' }));
    const jwks = { url: service.url('/jwks'), issuer: ISSUER_OF_OTHERS };
    const pool = await makePool('keys', { how: { jwks } });
    const [runner = ''] = await live('keys');
    expect((await tokenOf(runner))?.status?.recorded).toEqual({ subject: 'robot', scopes: ['a', 'b'] });

    // The issuer changes its key: what the new one signs is good, what the old one signed no longer.
    const former = await service.jwt({ sub: 'robot', scope: 'a b' });
    await service.rotate();
    const fetched = () => service.asked.filter((path) => path === '/jwks').length;
    const before = fetched();
    await putSecret('keys', await service.jwt({ sub: 'robot', scope: 'a b' }));
    await eventually('the new key fetched', async () => fetched() > before);
    await eventually('and taken', async () => (await pool.condition('Degraded'))?.status === 'False');
    await putSecret('keys', former);
    await eventually('the old key refused', async () => {
      const degraded = await pool.condition('Degraded');
      return degraded?.reason === 'CredentialInvalid' && degraded.message.includes('not published');
    });
    expect(await live('keys')).toEqual([runner]);
  });

  it('is the pool itself with all scopes where nothing is supplied', async () => {
    const { namespace } = cluster;
    await client.create(RunnerPoolKind, poolManifest(namespace, 'nothing'));
    const [runner = ''] = await live('nothing');
    const recorded = { subject: `pool:${namespace}/nothing`, scopes: ['all'] };
    expect((await tokenOf(runner))?.status?.recorded).toEqual(recorded);
    expect(await ask(await known(runner))).toMatchObject({ status: 404, code: 'not-found' });
  });
});

describe('a changed Secret', () => {
  it('keeps idle runners when subject and scopes are the same, which then get the new value', async () => {
    await putSecret('kept', account('ada', ['a', 'b']));
    const pool = await makePool('kept', { replicas: 2 });
    const runners = await live('kept', 2);
    for (const runner of runners) await pool.report(runner, 'Idle');
    const next = account('ada', ['b', 'a', 'b']);
    const { asked } = service;
    const before = asked.length;
    await putSecret('kept', next);
    await eventually('the new one validated', async () => asked.slice(before).includes('/user'));
    const [first = '', second = ''] = runners;
    expect(await ask(await known(first))).toMatchObject({ status: 200, credential: next });
    const last = account('ada', ['a', 'b']);
    await putSecret('kept', last);
    // Before the controller has looked at it again: what is handed out is what was validated, and is the newest.
    expect(await ask(await known(second))).toMatchObject({ status: 200, credential: last });
    expect((await live('kept', 2)).sort()).toEqual(runners);
    await eventually('no third one made', async () => (await pool.get())?.status?.created === 2);
  });

  it.each([
    ['another subject', 'bob', ['a', 'b']],
    ['a scope less', 'ada', ['a']],
  ])('replaces idle runners for %s, and lets busy ones finish', async (what, login, scopes) => {
    const name = what.replaceAll(' ', '-');
    await putSecret(name, account('ada', ['a', 'b']));
    const pool = await makePool(name, { replicas: 2 });
    const [idle = '', busy = ''] = await live(name, 2);
    await pool.report(idle, 'Idle');
    await pool.report(busy, 'Busy');
    await eventually('both reports', async () => (await pool.get())?.status?.busyReplicas === 1);
    await known(busy);
    await putSecret(name, account(login, scopes));
    const after = await eventually('the idle one replaced', async () => {
      const names = (await pool.live()).map((pod) => pod.metadata.name).filter((one) => one.startsWith(name));
      return names.length === 2 && !names.includes(idle) && names;
    });
    expect(after).toContain(busy);
    // What speaks for another is never given to a runner that was made for this one.
    expect(await ask(busy)).toMatchObject({ status: 403, code: 'credential-not-held' });
    // By its pod, since the token of the one before it may be Active for a moment longer than the pod lives.
    const [fresh = ''] = after.filter((one) => one !== busy);
    const token = await eventually('its identity', async () => {
      const found = await tokenOf(fresh);
      return found?.status?.phase === 'Active' && found;
    });
    expect(token.status?.recorded).toEqual({ subject: login, scopes });
    await pool.endPod(busy, 'Succeeded');
    await eventually('the busy one replaced', async () => !(await live(name, 2)).includes(busy));
  });
});

describe('a registered runner', () => {
  const namespace = () => cluster.namespace;

  async function register(name: string, supplied: object | undefined) {
    const parent = await client.get(RunnerTokenKind, namespace(), 'joined');
    return await client.create(RunnerTokenKind, {
      apiVersion: API_VERSION,
      kind: 'RunnerToken',
      metadata: { namespace: namespace(), name },
      spec: {
        type: 'Runtime',
        runner: { name },
        poolRef: { name: 'joined' },
        parentRef: { name: 'joined', uid: parent?.metadata.uid },
        ...(supplied === undefined ? {} : { supplied }),
      },
    });
  }
  const degraded = async (name: string) =>
    (await tokenOf(name))?.status?.conditions.find((one) => one.type === 'Degraded');

  it('gets what its own token names, and no JWT before that is good', async () => {
    await putSecret('joined', account('ada', ['a']));
    await makePool('joined');
    await live('joined');
    const supplied = { secretRef: { name: 'mac', key: 'token' }, ...asking() };
    await register('mac-1', supplied);
    await eventually(
      'its condition',
      async () => (await degraded('mac-1'))?.reason === 'CredentialSecretMissing',
    );
    expect((await tokenOf('mac-1'))?.status?.phase).toBe('Pending');
    expect((await degraded('mac-1'))?.message).toContain('spec.supplied.secretRef');
    const credential = `v2/zzzzz-gj3su-0123456789abcde/${CANARY}-mac`;
    service.accounts.set(credential, { login: 'eve', scopes: ['b'] });
    await putSecret('mac', credential);
    const active = await eventually('its JWT', async () => {
      const token = await tokenOf('mac-1');
      return token?.status?.phase === 'Active' && token;
    });
    expect(active.status?.recorded).toEqual({ subject: 'eve', scopes: ['b'] });
    await eventually('the end of Degraded', async () => (await degraded('mac-1'))?.status === 'False');
    const runner = await known('mac-1');
    const answer = await ask(runner);
    expect(answer).toMatchObject({ status: 200, credential: `${credential}/${active.metadata.uid}` });
    expect(await ask(runner)).toMatchObject({ status: 409 });
  });

  it("does not get its pool's", async () => {
    await register('mac-2', undefined);
    await eventually('its JWT', async () => (await tokenOf('mac-2'))?.status?.phase === 'Active');
    expect((await tokenOf('mac-2'))?.status?.recorded?.subject).toBe(`pool:${namespace()}/joined`);
    expect(await ask(await known('mac-2'))).toMatchObject({ status: 404, code: 'not-found' });
  });
});

describe('the hand-out', () => {
  it('gives one of many simultaneous calls over two replicas the credential, and no other ever', async () => {
    await putSecret('once', account('ada', ['a']));
    await makePool('once');
    const runner = await known((await live('once'))[0] ?? '');
    const answers = await Promise.all(Array.from({ length: 16 }, (_, n) => ask(runner, { api: n % 2 })));
    const given = answers.filter((one) => one.status === 200);
    expect(given).toHaveLength(1);
    expect(given[0]).toMatchObject({ cached: 'no-store', credential: expect.stringContaining(CANARY) });
    for (const other of answers.filter((one) => one.status !== 200))
      expect(other).toMatchObject({ status: 409, code: 'credential-handed-out' });
    for (const api of [0, 1])
      expect(await ask(runner, { api })).toMatchObject({ status: 409, code: 'credential-handed-out' });
    expect((await tokenOf(runner))?.status?.credential?.handedOutAt).toBeDefined();
  });

  it('repeats a call of the same key, and of no other', async () => {
    const credential = account('ada', ['a']);
    await putSecret('repeated', credential);
    await makePool('repeated');
    const runner = await known((await live('repeated'))[0] ?? '');
    const key = 'a-key-that-nobody-guesses';
    expect(await ask(runner, { key })).toMatchObject({ status: 200, credential });
    expect(await ask(runner, { api: 1, key })).toMatchObject({ status: 200, credential });
    expect(await ask(runner, { api: 1, key: 'some-other-key-0123456' })).toMatchObject({ status: 409 });
    expect(await ask(runner)).toMatchObject({ status: 409 });
    expect(await ask(runner, { key: 'short' })).toMatchObject({ status: 422 });
    expect(JSON.stringify((await tokenOf(runner))?.status)).not.toContain(key);
  });

  it('puts the runner into a credential that can carry its holder', async () => {
    const credential = `v2/zzzzz-gj3su-0123456789abcde/${CANARY}`;
    service.accounts.set(credential, { login: 'ada', scopes: [] });
    await putSecret('holder', credential);
    await makePool('holder');
    const runner = await known((await live('holder'))[0] ?? '');
    const uid = (await tokenOf(runner))?.spec.podRef?.uid;
    expect(await ask(runner)).toMatchObject({ status: 200, credential: `${credential}/${uid}` });
  });

  it('answers nobody whose pod or attempt is over', async () => {
    await putSecret('over', account('ada', ['a']));
    const pool = await makePool('over', { replicas: 2 });
    const [revoked = '', ended = ''] = await live('over', 2);
    for (const runner of [revoked, ended]) await known(runner);
    await pool.tokenStatus(revoked, { phase: 'Revoked' }, FieldManager.controller);
    await pool.report(ended, 'Terminated');
    await eventually('the revocation seen', async () => (await askOnce(revoked)).status === 401);
    await eventually('the end seen', async () => [401, 409].includes((await askOnce(ended)).status));
    for (const runner of [revoked, ended])
      expect((await tokenOf(runner))?.status?.credential?.handedOutAt).toBeUndefined();
  });

  it('waits while the credential is not good, and then gives it', async () => {
    await putSecret('mended', account('ada', ['a']));
    await makePool('mended');
    const runner = await known((await live('mended'))[0] ?? '');
    await putSecret('mended', `${CANARY}-nobody-knows`);
    const refused = await ask(runner);
    expect(refused).toMatchObject({ status: 503, code: 'unavailable' });
    expect(JSON.stringify(refused)).toContain('CredentialInvalid');
    const credential = account('ada', ['a']);
    await putSecret('mended', credential);
    expect(await ask(runner)).toMatchObject({ status: 200, credential });
  });

  it('that broke off with its replica is neither lost nor given twice', async () => {
    await putSecret('broken', account('ada', ['a']));
    await makePool('broken');
    const runner = await known((await live('broken'))[0] ?? '');
    const { kubeconfig, namespace } = cluster;
    const doomed = await startApi({ kubeconfig, namespace, runners: namespace });
    apis.push(doomed);
    await known(runner);
    const key = 'a-key-that-nobody-guesses';
    // The controller is stopped, so that the replica dies between its claim and the value's coming.
    process.kill(controller.pid, 'SIGSTOP');
    try {
      const broken = askOnce(runner, { api: 2, key }).catch(() => 'broken off');
      await eventually('the claim', async () => (await tokenOf(runner))?.status?.credential !== undefined);
      process.kill(doomed.pid, 'SIGKILL');
      expect(await broken).toBe('broken off');
      apis.pop();
      const other = await ask(runner, { api: 1 });
      expect(other).toMatchObject({ status: 409, code: 'credential-handed-out' });
    } finally {
      process.kill(controller.pid, 'SIGCONT');
    }
    expect(await ask(runner, { api: 1, key })).toMatchObject({ status: 200 });
    expect(await ask(runner)).toMatchObject({ status: 409 });
  });
});

describe('when all is done', () => {
  it('no copy of a credential is left, and none was told to anybody', async () => {
    await eventually('an empty hand-over', async () => {
      const secret = await client.get(SecretKind, cluster.namespace, HANDOVER_SECRET);
      return secret !== undefined && Object.keys(secret.data ?? {}).length === 0;
    });
    const texts: Record<string, string> = { controller: controller.output() };
    for (const [n, { logged, opsUrl }] of apis.entries()) {
      texts[`api ${n}`] = logged();
      texts[`metrics ${n}`] = await (await fetch(`${opsUrl}/metrics`)).text();
    }
    for (const kind of [RunnerPoolKind, RunnerTokenKind, EventKind] as Kind<KubeObject>[])
      texts[kind.plural] = JSON.stringify((await client.list(kind, cluster.namespace)).items);
    texts.pods = await cluster.kubectl('get', 'pods,configmaps,leases', '-o', 'json');
    for (const [where, text] of Object.entries(texts)) {
      expect(text.length, where).toBeGreaterThan(100);
      for (const secret of [CANARY, Buffer.from(CANARY).toString('base64').slice(0, -4)])
        expect(text.includes(secret), where).toBe(false);
    }
  });

  it('what a leader leaves behind that dies with an answer under way, the next one takes away', async () => {
    await controller.kill('SIGKILL');
    const left = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: cluster.namespace, name: HANDOVER_SECRET },
      data: { 'token.request': Buffer.from(CANARY).toString('base64') },
    };
    await client.apply(SecretKind, left, { fieldManager: FieldManager.controller, force: true });
    await new PoolInCluster(client, cluster.namespace, '').forgetLease();
    controller = begin();
    await eventually('an empty hand-over', async () => {
      const secret = await client.get(SecretKind, cluster.namespace, HANDOVER_SECRET);
      return Object.keys(secret?.data ?? {}).length === 0;
    });
  });

  it("every user's Secret is as its owner left it", async () => {
    const { items } = await client.list(SecretKind, cluster.namespace);
    const own = items.filter((one) =>
      Object.values(one.data ?? {}).some((data) => decoded(data).includes(CANARY)),
    );
    expect(own.length).toBeGreaterThan(5);
    for (const { metadata } of own) {
      expect(metadata.ownerReferences, metadata.name).toBeUndefined();
      const managers = (metadata as { managedFields?: { manager: string }[] }).managedFields ?? [];
      expect(new Set(managers.map(({ manager }) => manager)), metadata.name).toEqual(new Set(['its-owner']));
    }
  });

  it('there is an event of each hand-out, and of what was withheld', async () => {
    const { items } = await client.list(EventKind, cluster.namespace);
    const reasons = new Set(items.map((one) => one.reason));
    for (const reason of [
      'CredentialAccepted',
      'CredentialHandedOut',
      'CredentialWithheld',
      'RunnerReplaced',
    ])
      expect(reasons).toContain(reason);
  });
});

function decoded(data: string): string {
  return Buffer.from(data, 'base64').toString();
}
