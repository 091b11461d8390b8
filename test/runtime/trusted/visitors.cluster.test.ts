import { hash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { median } from '../../../bench/statistics.ts';
import { PodKind, SecretKind } from '../../../src/kube/kinds.ts';
import { SIGNING_KEYS_FIELD } from '../../../src/tokens/keys.ts';
import { eventually, type PoolInCluster } from '../../controller/pool_in_cluster.ts';
import { type Cell, startCell } from '../../support/cell.ts';
import { useCluster } from '../../support/cluster.ts';

const cluster = useCluster();
let folder: string;
let issuersFile: string;
let here: Cell;
let there: Cell;
let visitors: PoolInCluster;
let residents: PoolInCluster;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-cells-'));
  const clients = join(folder, 'clients.json');
  await writeFile(clients, JSON.stringify({ here: hash('sha256', 'secret', 'hex') }));
  await writeFile(join(folder, 'secret'), 'secret\n');
  issuersFile = join(folder, 'issuers.json');
  await writeFile(issuersFile, '[]');
  const { kubeconfig, namespace, newNamespace } = cluster;
  there = await startCell({
    kubeconfig,
    namespace: await newNamespace(),
    api: { HARRIER_INTROSPECTION_CLIENTS: clients },
  });
  visitors = await there.pool('linux', 4, { token: { audiences: ['here'] } });
  // As of an installation that was copied with its Secrets: one kid in both.
  const keys = await there.client.get(SecretKind, there.namespace, 'harrier-signing-keys');
  const data = { [SIGNING_KEYS_FIELD]: keys?.data?.[SIGNING_KEYS_FIELD] };
  const metadata = { name: 'harrier-signing-keys', namespace };
  await there.client.create(SecretKind, { apiVersion: 'v1', kind: 'Secret', metadata, data });
  here = await startCell({ kubeconfig, namespace, api: { HARRIER_TRUSTED_ISSUERS: issuersFile } });
  residents = await here.pool('linux', 1);
}, 120_000);
afterAll(async () => {
  await Promise.all([here?.stop(), there?.stop()]);
  await rm(folder, { recursive: true });
});

function ask(path: string, jwt: string, body?: unknown, method = body === undefined ? 'GET' : 'POST') {
  return fetch(`${here.apis[0]?.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${jwt}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
const statusOf = async (jwt: string) => (await ask('/v1/runner', jwt)).status;

async function oneOf(pool: PoolInCluster, cell: Cell): Promise<{ name: string; jwt: string }> {
  const [pod] = await pool.live();
  const name = pod?.metadata.name ?? '';
  return { name, jwt: await cell.jwtOf(name) };
}

async function trust(): Promise<void> {
  const entry = {
    issuer: there.issuer,
    jwksUri: `${there.issuer}/.well-known/jwks.json`,
    introspection: {
      url: `${there.issuer}/v1/introspect`,
      clientId: 'here',
      secretFile: join(folder, 'secret'),
    },
    allowHttp: true,
  };
  await writeFile(issuersFile, JSON.stringify([entry]));
}

/** Saves an entry as a client does and answers the statuses on the way. */
async function save(jwt: string, key: string): Promise<number[]> {
  const bytes = Buffer.from(`of ${key}`);
  const reserved = await ask('/v1/cache/uploads', jwt, { key, version: 'ab' });
  const { uploadId } = (await reserved.json()) as { uploadId: string };
  const uploads = `/v1/cache/uploads/${uploadId}`;
  const offered = await ask(`${uploads}/parts`, jwt, { parts: [{ number: 1, sizeBytes: bytes.length }] });
  const [part] = ((await offered.json()) as { parts: { url: string }[] }).parts;
  const put = await fetch(new URL(part?.url ?? '', here.apis[0]?.url), { method: 'PUT', body: bytes });
  const committed = await ask(`${uploads}/commit`, jwt, { sizeBytes: bytes.length, parts: [1] });
  return [reserved, offered, put, committed].map(({ status }) => status);
}

async function found(jwt: string, key: string): Promise<string | undefined> {
  const answer = await ask('/v1/cache/lookup', jwt, { keys: [key], version: 'ab' });
  const { hit, url } = (await answer.json()) as { hit: boolean; url: string };
  return hit ? await (await fetch(new URL(url, here.apis[0]?.url))).text() : undefined;
}

test('a runner of another cell is nobody here until that cell is trusted', async () => {
  const { name, jwt } = await oneOf(visitors, there);
  const own = await fetch(`${there.issuer}/v1/runner`, { headers: { authorization: `Bearer ${jwt}` } });
  expect(own.status).toBe(200);
  expect(await statusOf(jwt)).toBe(401);

  await trust();
  await eventually('the visitor is let in', async () => (await statusOf(jwt)) === 200);
  expect(await (await ask('/v1/runner', jwt)).json()).toMatchObject({
    namespace: there.namespace,
    pod: { name },
  });
  // What it could change here is none of its business.
  expect((await ask('/v1/runner/status', jwt, { state: 'Idle' })).status).toBe(401);
  expect((await ask('/v1/runner', jwt, undefined, 'DELETE')).status).toBe(401);
  // The state is the one that it reported there.
  expect((await ask('/v1/cache/entries', jwt)).status).toBe(409);
});

test('what a visitor saves and finds is its own, and so is a runner of ours', async () => {
  await trust();
  const [visitor, resident] = [await oneOf(visitors, there), await oneOf(residents, here)];
  await visitors.report(visitor.name, 'Idle');
  await residents.report(resident.name, 'Idle');
  for (const { jwt } of [visitor, resident])
    await eventually('work', async () => (await ask('/v1/cache/entries', jwt)).status === 200);
  expect(await save(visitor.jwt, 'a-key')).toEqual([201, 200, 201, 200]);
  expect(await found(visitor.jwt, 'a-key')).toBe('of a-key');
  expect(await found(resident.jwt, 'a-key')).toBeUndefined();
  expect(await save(resident.jwt, 'b-key')).toEqual([201, 200, 201, 200]);
  expect(await found(visitor.jwt, 'b-key')).toBeUndefined();
});

test('a token that does not name us is refused, trusted issuer or not', async () => {
  await trust();
  const others = await there.pool('others', 1);
  const [token] = (await others.tokens()).filter(({ spec }) => spec.poolRef.name === 'others' && spec.podRef);
  const jwt = await there.jwtOf(token?.metadata.name ?? '');
  expect(await statusOf(jwt)).toBe(401);
});

test('a visitor is refused as soon as its runner is gone there, and when its cell does not answer', async () => {
  await trust();
  const names = (await visitors.live())
    .map(({ metadata }) => metadata.name)
    .filter((name) => name.startsWith(`${visitors.name}-`));
  expect(names).toHaveLength(4);
  const all = await Promise.all(names.map(async (name) => ({ name, jwt: await there.jwtOf(name) })));
  const other = all.pop()?.jwt ?? '';
  const letIn = (jwt: string) => eventually('it is let in', async () => (await statusOf(jwt)) === 200);
  await letIn(other);
  const took: number[] = [];
  for (const { name, jwt } of all) {
    await letIn(jwt);
    const from = performance.now();
    await there.client.delete(PodKind, there.namespace, name);
    await eventually('the refusal here', async () => (await statusOf(jwt)) === 401);
    took.push(performance.now() - from);
  }
  const ms = median(took);
  process.stdout.write(`pod deleted in one cell → its token refused in another ${ms.toFixed(0)} ms\n`);
  // What the revocation takes there, and the second for which an answer is believed. The median, so that one pause of
  // the machine is not taken for theirs.
  expect(ms).toBeLessThan(2_000);
  await letIn(other);

  await there.apis[0]?.stop();
  await eventually('the refusal', async () => (await statusOf(other)) === 401);
  const resident = await oneOf(residents, here);
  expect(await statusOf(resident.jwt)).toBe(200);
});
