import { hash, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../../../hack/cluster/free_ports.ts';
import { describedApi } from '../../../hack/generate/described_api.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { WEBHOOKS_SECRET } from '../../../src/resources/group.ts';
import type { Endpoint } from '../../../src/runtime/route_table.ts';
import type { RunnerStanding } from '../../../src/runtime/served_states.ts';
import { makeSigningKey } from '../../../src/tokens/keys.ts';
import { clientOf, eventually } from '../../controller/pool_in_cluster.ts';
import { useCluster } from '../../support/cluster.ts';
import { AUDIENCE, ISSUER } from '../../tokens/builders.ts';
import { type ApiProcess, startApi } from '../api_process.ts';
import { publishKey } from '../cluster_runner.ts';
import { tokenOf } from '../management/stand.ts';
import { type Maker, makeRegistration, makeRunnerIn } from './bearers.ts';
import { BEARERS, type Bearer, expectedOutcome, IN_STATES, type Outcome } from './expected.ts';

const STANDINGS: readonly RunnerStanding[] = ['Pending', 'Installing', 'Idle', 'Busy', 'Terminated'];
/** Requests and preparations at once. */
const AT_ONCE = 12;

const cluster = useCluster();
let folder: string;
let client: KubeClient;
let apis: ApiProcess[] = [];
let here: Maker;
let there: Maker;
const fixed = new Map<Bearer, string | undefined>();

beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  folder = await mkdtemp(join(tmpdir(), 'harrier-matrix-'));
  const file = async (name: string, content: unknown) => {
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
    return join(folder, name);
  };
  const clients = await file('clients.json', { here: hash('sha256', 'secret', 'hex') });
  const [port] = await freePorts(1);
  const elsewhere = `http://127.0.0.1:${port}`;
  const entry = {
    issuer: elsewhere,
    jwksUri: `${elsewhere}/.well-known/jwks.json`,
    introspection: {
      url: `${elsewhere}/v1/introspect`,
      clientId: 'here',
      secretFile: await file('secret', 'secret'),
    },
    allowHttp: true,
  };
  const { kubeconfig, namespace } = cluster;
  const other = await cluster.newNamespace();
  // Where no pool has such a secret the answer would be that there is nothing here.
  await cluster.kubectl('create', 'secret', 'generic', WEBHOOKS_SECRET, '--from-literal=uid=secret');
  const [key, otherKey] = await Promise.all([publishKey(client, namespace), publishKey(client, other)]);
  apis = await Promise.all([
    startApi({
      kubeconfig,
      namespace,
      runners: namespace,
      env: {
        HARRIER_MANAGEMENT: 'true',
        HARRIER_INTROSPECTION_CLIENTS: clients,
        HARRIER_TRUSTED_ISSUERS: await file('issuers.json', [entry]),
      },
    }),
    startApi({
      kubeconfig,
      namespace: other,
      runners: other,
      env: {
        HARRIER_ISSUER: elsewhere,
        HARRIER_PORT: `${port}`,
        HARRIER_INTROSPECTION_CLIENTS: clients,
        HARRIER_INTROSPECTION_RATE: '10000',
      },
    }),
  ]);
  const [plain, routable, parent] = await Promise.all([
    makeRegistration(client, namespace, 'plain'),
    makeRegistration(client, namespace, 'routable'),
    makeRegistration(client, other, 'plain'),
  ]);
  here = { client, namespace, issuer: ISSUER, key, audiences: [AUDIENCE], parent: plain.token };
  there = {
    client,
    namespace: other,
    issuer: elsewhere,
    key: otherKey,
    audiences: [AUDIENCE, 'here'],
    parent: parent.token,
  };

  const idle = { kind: 'pod', standing: 'Idle' } as const;
  fixed.set('none', undefined);
  fixed.set('garbage', 'Bearer not.a.token');
  fixed.set('untrusted cell', `Bearer ${await strangers(idle)}`);
  const hourAgo = new Date(Date.now() - 2 * 3_600_000);
  fixed.set('expired', `Bearer ${await makeRunnerIn(here, { ...idle, issuedAt: hourAgo })}`);
  fixed.set('revoked', `Bearer ${await makeRunnerIn(here, { ...idle, phase: 'Revoked' })}`);
  fixed.set('routable registration', `Bearer ${routable.value}`);
  fixed.set('plain registration', `Bearer ${plain.value}`);
  // A ServiceAccount that every namespace has: who it is counts here, not what it may.
  fixed.set('manager', `Bearer ${await tokenOf(cluster, 'default', namespace)}`);
  fixed.set('client of introspection', `Basic ${Buffer.from('here:secret').toString('base64')}`);
}, 120_000);
afterAll(async () => {
  await Promise.all(apis.map((api) => api.stop()));
  await client.close();
  await rm(folder, { recursive: true });
  // All at once: there are hundreds.
  for (const { namespace } of [here, there])
    for (const path of [
      `/api/v1/namespaces/${namespace}/pods`,
      `/apis/harrier.dev/v1alpha1/namespaces/${namespace}/runnertokens`,
    ])
      await cluster.kubectl('delete', '--raw', path);
}, 120_000);

async function strangers(runner: Parameters<typeof makeRunnerIn>[1]): Promise<string> {
  const key = await makeSigningKey(new Date());
  return await makeRunnerIn({ ...there, issuer: 'https://stranger.example.com', key }, runner);
}

interface Combination {
  endpoint: Endpoint;
  bearer: Bearer;
  standing: RunnerStanding | undefined;
  authorization: string | undefined;
}

/** A fresh runner for each request that may change it, so that no request meets what another did. */
async function combinations(endpoints: readonly Endpoint[]): Promise<Combination[]> {
  const shared = new Map<string, Promise<string>>();
  const wanted = endpoints.flatMap((endpoint) =>
    BEARERS.flatMap((bearer) =>
      (IN_STATES.includes(bearer) ? STANDINGS : [undefined]).map((standing) => ({
        endpoint,
        bearer,
        standing,
      })),
    ),
  );
  return await inParallel(wanted, async (one) => {
    const { endpoint, bearer, standing } = one;
    if (standing === undefined) return { ...one, authorization: fixed.get(bearer) };
    const harmless = endpoint.method === 'GET' || endpoint.method === 'HEAD';
    const key = harmless ? `${bearer} ${standing}` : randomUUID();
    const jwt = shared.get(key) ?? runnerFor(bearer, standing);
    shared.set(key, jwt);
    return { ...one, authorization: `Bearer ${await jwt}` };
  });
}

function runnerFor(bearer: Bearer, standing: RunnerStanding): Promise<string> {
  const kind = bearer === 'registered runner' ? 'registered' : bearer === 'agent' ? 'agent' : 'pod';
  return makeRunnerIn(bearer === 'visitor' ? there : here, { kind, standing });
}

async function outcomeOf({ endpoint: { method, path }, authorization }: Combination): Promise<Outcome> {
  const carriesBody = method !== 'GET' && method !== 'HEAD' && method !== 'DELETE';
  const form = path === '/v1/introspect';
  const answer = await fetch(`${apis[0]?.url}${path.replace(/:\w+/g, randomUUID())}`, {
    method,
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(carriesBody
        ? { 'content-type': form ? 'application/x-www-form-urlencoded' : 'application/json' }
        : {}),
    },
    // Asks for nothing that is: whoever is let in is told so, and no other request meets what this one did.
    ...(carriesBody ? { body: form ? 'nothing=here' : '{"nothing":"here"}' } : {}),
  });
  const text = await answer.text();
  const { code = '' } = text.startsWith('{') ? (JSON.parse(text) as { code?: string }) : {};
  const byStatus: Record<number, Outcome> = { 401: 'unauthorized', 409: 'wrong-state', 503: 'unavailable' };
  if (method === 'HEAD') return byStatus[answer.status] ?? 'served';
  if (answer.status === 503) return 'unavailable';
  expect(answer.status === 500 ? text : '').toBe('');
  expect(['method-not-allowed', 'too-many-requests']).not.toContain(code);
  if (code === 'unauthorized' || code === 'wrong-state' || code === 'url-signature') return code;
  if (code === 'webhook-refused') return code;
  return 'served';
}

/**
 * On a busy machine the api puts requests off, and refuses a visitor whose issuer takes longer than a second. Whoever
 * is refused has changed nothing and may ask again; what is wrong stays so.
 */
async function settledOutcome(one: Combination, expected: Outcome): Promise<Outcome> {
  for (let tries = 1; ; tries++) {
    const found = await outcomeOf(one);
    // An endpoint may say itself that it can't at present: here nobody signs what a runner asks for.
    if (found === 'unavailable' && expected === 'served') return 'served';
    const passes = found === 'unavailable' || found === 'unauthorized';
    if (found === expected || !passes || tries === 10) return found;
    await sleep(1_000);
  }
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const hand = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, hand));
  return results;
}

test('every endpoint, in every state, with every kind of token, does what the table says', {
  timeout: 480_000,
}, async () => {
  const endpoints = await describedApi((app) => [...app.endpoints]);
  const tried = await combinations(endpoints);
  // The watches of both installations have them all.
  const last = tried.findLast(({ bearer, standing }) => bearer === 'visitor' && standing === 'Pending');
  await eventually('the last of the runners is known', async () => {
    const { authorization = '' } = last ?? {};
    return (await fetch(`${apis[0]?.url}/v1/runner`, { headers: { authorization } })).status === 200;
  });

  const counts = new Map<Outcome, number>();
  const wrong: string[] = [];
  await inParallel(tried, async (one) => {
    const { endpoint, bearer, standing } = one;
    const expected = expectedOutcome(endpoint, bearer, standing);
    const found = await settledOutcome(one, expected);
    counts.set(found, (counts.get(found) ?? 0) + 1);
    if (found !== expected)
      wrong.push(
        `${endpoint.method} ${endpoint.path} by ${bearer} ${standing ?? ''}: ${found}, not ${expected}`,
      );
  });
  const summary = [...counts].map(([outcome, count]) => `${outcome} ${count}`).join(', ');
  process.stdout.write(
    `${tried.length} combinations of ${endpoints.length} endpoints, ${BEARERS.length} bearers and ${STANDINGS.length} states: ${summary}\n`,
  );
  expect(wrong).toEqual([]);
});

test('after Terminated nothing is served to a runner or agent', async () => {
  const endpoints = await describedApi((app) => [...app.endpoints]);
  for (const { access, states, path } of endpoints) {
    const proves = access === 'runner' || access === 'agent';
    expect([path, states !== undefined]).toEqual([path, proves]);
    expect(states ?? []).not.toContain('Terminated');
  }
});
