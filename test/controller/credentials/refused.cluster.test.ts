import { afterAll, beforeAll, expect, it } from 'vitest';
import { EventKind, RunnerPoolKind, SecretKind } from '../../../src/kube/kinds.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { useCluster } from '../../support/cluster.ts';
import { type ControllerProcess, startController } from '../controller_process.ts';
import { clientOf, eventually, PoolInCluster, poolManifest } from '../pool_in_cluster.ts';
import { ISSUER_OF_OTHERS, startValidatingService, type ValidatingService } from './validating_service.ts';

const cluster = useCluster();
const CANARY = 'canary-Ax7Qp2Lm9Zt4Ws1K';

let client: KubeClient;
let controller: ControllerProcess;
let service: ValidatingService;
let begun: number;
/** Pool name → the reason that it must say, and what its message must have in it. */
const expected = new Map<string, [reason: string, message: string]>();

beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  service = await startValidatingService();
  const { namespace, kubeconfig } = cluster;
  const stranger = await startValidatingService();
  const cases: [name: string, reason: string, message: string, value: string | undefined, how: object][] = [
    ...[
      ['401', 'CredentialInvalid', 'refuses the credential (401)'],
      ['403', 'CredentialInvalid', 'refuses the credential (403)'],
      ['404', 'CredentialUnverifiable', 'validate.url answers 404 and not 200'],
      ['500', 'CredentialUnverifiable', 'validate.url answers 500 and not 200'],
      ['html', 'CredentialUnverifiable', 'validate.subject: the answer has nothing usable at /login'],
      ['malformed', 'CredentialUnverifiable', 'validate.subject: the answer has nothing usable'],
      ['redirect', 'CredentialUnverifiable', 'validate.url answers 302'],
      ['slow', 'CredentialUnverifiable', 'validate.url gave no whole answer within 5 s'],
      ['huge', 'CredentialUnverifiable', 'validate.url answers more than 65536 bytes'],
      ['echo', 'CredentialUnverifiable', 'are the credential itself'],
    ].map(([path = '', reason = '', message = '']): (typeof cases)[number] => [
      `service-${path}`,
      reason,
      message,
      CANARY,
      { validate: { url: service.url(`/${path}`), subject: { pointer: '/login' } } },
    ]),
    [
      'nobody-listens',
      'CredentialUnverifiable',
      'validate.url cannot be asked (ECONNREFUSED)',
      CANARY,
      { validate: { url: 'http://127.0.0.1:9/' } },
    ],
    [
      'not-allowed',
      'CredentialUnverifiable',
      'must be https unless credentials.allowedHosts',
      CANARY,
      { validate: { url: service.url('/user').replace('127.0.0.1', 'localhost') } },
    ],
    [
      'metadata',
      'CredentialUnverifiable',
      'inside the cluster',
      CANARY,
      { validate: { url: 'https://169.254.169.254/latest/meta-data' } },
    ],
    ['no-secret', 'CredentialSecretMissing', 'spec.token.supplied.secretRef) is not there', undefined, {}],
    ['empty', 'CredentialInvalid', 'is empty', '', {}],
    ['two-lines', 'CredentialInvalid', 'has spaces, line ends', `${CANARY}\nX: ${CANARY}`, {}],
    ['jwt-expired', 'CredentialExpired', 'has expired', await service.jwt({}, '-1m'), keysOf(service)],
    ['jwt-unchecked', 'CredentialExpired', 'has expired', await service.jwt({}, '-1m'), {}],
    [
      'jwt-issuer',
      'CredentialInvalid',
      'its claim iss is not what is asked for',
      await service.jwt({ iss: 'https://elsewhere.example.test' }),
      keysOf(service),
    ],
    [
      'jwt-audience',
      'CredentialInvalid',
      'its claim aud is not what is asked for',
      await service.jwt({ aud: 'them' }),
      { jwks: { ...keysOf(service).jwks, audience: 'us' } },
    ],
    ['jwt-stranger', 'CredentialInvalid', 'its signature is wrong', await stranger.jwt(), keysOf(service)],
    ['jwt-none', 'CredentialInvalid', 'it is not a JWT', CANARY, keysOf(service)],
    [
      'jwt-no-keys',
      'CredentialUnverifiable',
      'jwks.url answers no key set',
      await service.jwt(),
      { jwks: { ...keysOf(service).jwks, url: service.url('/html') } },
    ],
  ];
  await stranger.close();
  for (const [name, reason, message, value, how] of cases) {
    expected.set(name, [reason, message]);
    if (value !== undefined) await client.create(SecretKind, secretManifest(namespace, name, value));
    const supplied = { secretRef: { name, key: 'token' }, ...how };
    await client.create(RunnerPoolKind, poolManifest(namespace, name, { token: { supplied } }));
  }
  controller = startController({
    kubeconfig,
    namespace,
    env: { HARRIER_CREDENTIAL_HOSTS: `${service.host},127.0.0.1:9`, HARRIER_LOG_LEVEL: 'trace' },
  });
  begun = Date.now();
});

afterAll(async () => {
  await controller.kill('SIGTERM');
  await service.close();
  await client.close();
});

function keysOf({ url }: ValidatingService) {
  return { jwks: { url: url('/jwks'), issuer: ISSUER_OF_OTHERS } };
}

function secretManifest(namespace: string, name: string, value: string) {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name },
    data: { token: Buffer.from(value).toString('base64') },
  };
}

it('every bad credential is a condition with the field at fault, and no pod', {
  timeout: 120_000,
}, async () => {
  for (const [name, [reason, message]] of expected) {
    const pool = new PoolInCluster(client, cluster.namespace, name);
    const degraded = await eventually(`Degraded of ${name}`, async () => {
      const condition = await pool.condition('Degraded');
      // On a slow machine a service that is there may have given no answer the first time.
      expect(condition, name).toMatchObject({
        status: 'True',
        reason,
        message: expect.stringContaining(message),
      });
      return condition;
    });
    expect(degraded.message, name).toContain('spec.token.supplied');
    expect(await pool.condition('Ready'), name).toMatchObject({ status: 'False', reason });
  }
  const pods = await new PoolInCluster(client, cluster.namespace, 'any').pods();
  expect(pods).toEqual([]);
});

it("Harrier's own Secrets are never taken for one, nor sent to a service", async () => {
  const { namespace } = cluster;
  await client.create(RunnerPoolKind, poolManifest(namespace, 'victim'));
  const victim = await eventually('the token of a runner', async () => {
    const names = (await client.list(SecretKind, namespace)).items.map(({ metadata }) => metadata.name);
    return names.find((one) => /^victim-.*-token$/.test(one));
  });
  const registration = await eventually('the value of its registration token', async () => {
    const names = (await client.list(SecretKind, namespace)).items.map(({ metadata }) => metadata.name);
    return names.find((one) => one === 'victim-registration');
  });
  const before = service.asked.filter((path) => path === '/user').length;
  const own: [name: string, key: string][] = [
    [victim, 'token'],
    [registration, 'token'],
    ['harrier-signing-keys', 'keys.json'],
  ];
  for (const [number, [name, key]] of own.entries()) {
    const supplied = { secretRef: { name, key }, validate: { url: service.url('/user') } };
    await client.create(RunnerPoolKind, poolManifest(namespace, `thief-${number}`, { token: { supplied } }));
    const pool = new PoolInCluster(client, namespace, `thief-${number}`);
    const degraded = await eventually(`the refusal of ${name}`, async () => {
      const condition = await pool.condition('Degraded');
      return condition?.status === 'True' && condition;
    });
    expect(degraded).toMatchObject({
      reason: 'CredentialInvalid',
      message: expect.stringContaining("names a Secret of Harrier's own"),
    });
  }
  expect(service.asked.filter((path) => path === '/user').length).toBe(before);
});

it('is asked about less and less often', async () => {
  await eventually('twelve seconds', async () => Date.now() - begun > 12_000);
  const times = (path: string) => service.asked.filter((one) => one === path).length;
  const asked = [times('/401'), times('/500')];
  // At once, and after 5 s, 10 s, 20 s and so on: never at each look.
  const most = 1 + Math.floor(Math.log2(1 + (Date.now() - begun) / 5_000));
  for (const one of asked) expect(one).toBeLessThanOrEqual(most);
  expect(asked[0]).toBeGreaterThanOrEqual(1);
});

it('is told by one event, and stands in no log, status or event', async () => {
  const events = await eventually('the events', async () => {
    const { items } = await client.list(EventKind, cluster.namespace);
    return [...expected].every(([name, [reason]]) => about(items, name, reason).length > 0) && items;
  });
  for (const [name, [reason]] of expected) {
    const own = about(events, name, reason);
    expect(own.length, name).toBe(1);
    expect(own[0]?.type).toBe('Warning');
  }
  const { items } = await client.list(RunnerPoolKind, cluster.namespace);
  for (const text of [JSON.stringify(events), JSON.stringify(items), controller.output()])
    for (const secret of [CANARY, Buffer.from(CANARY).toString('base64')]) expect(text).not.toContain(secret);
});

function about<E extends { reason?: string | undefined }>(
  events: readonly E[],
  name: string,
  reason: string,
): E[] {
  return events.filter(
    (one) =>
      (one as { involvedObject?: { name: string } }).involvedObject?.name === name && one.reason === reason,
  );
}

it('becomes good by itself when the Secret does', async () => {
  const { namespace } = cluster;
  await client.create(SecretKind, secretManifest(namespace, 'no-secret', 'anything'));
  const pool = new PoolInCluster(client, namespace, 'no-secret');
  await eventually('its runner', async () =>
    (await pool.pods()).some((one) => one.metadata.name.startsWith('no-secret')),
  );
  await eventually(
    'an end of Degraded',
    async () => (await pool.condition('Degraded'))?.reason === 'AsExpected',
  );
});
