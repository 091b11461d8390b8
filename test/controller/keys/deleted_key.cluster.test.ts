import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunnerTokenKind, SecretKind } from '../../../src/kube/kinds.ts';
import type { RunnerToken } from '../../../src/resources/runner_token.ts';
import { SIGNING_KEYS_FIELD, signingKeySet } from '../../../src/tokens/keys.ts';
import { type Cell, startCell } from '../../support/cell.ts';
import { useCluster } from '../../support/cluster.ts';
import { eventually } from '../pool_in_cluster.ts';

/** From the deletion of a key until no replica accepts what it signed: the goal of every revocation. */
const GOAL_MS = 1_000;
const cluster = useCluster();
let cell: Cell;
beforeAll(async () => {
  const { kubeconfig, namespace } = cluster;
  cell = await startCell({ kubeconfig, namespace, replicas: 2 });
}, 60_000);
afterAll(() => cell?.stop());

const statusAt = async (url: string, jwt: string) =>
  (await fetch(`${url}/v1/runner`, { headers: { authorization: `Bearer ${jwt}` } })).status;

/** Milliseconds until every replica refuses every one of these. */
async function refusedAfter(jwts: readonly string[], from: number): Promise<number> {
  await eventually('the refusal at every replica', async () => {
    const seen = await Promise.all(cell.apis.flatMap(({ url }) => jwts.map((jwt) => statusAt(url, jwt))));
    return seen.every((status) => status === 401);
  });
  return performance.now() - from;
}

const accepted = (jwts: readonly string[]) =>
  eventually('acceptance at every replica', async () => {
    const seen = await Promise.all(cell.apis.flatMap(({ url }) => jwts.map((jwt) => statusAt(url, jwt))));
    return seen.every((status) => status === 200);
  });

async function keysInSecret() {
  const secret = await cell.client.get(SecretKind, cell.namespace, 'harrier-signing-keys');
  const text = Buffer.from(secret?.data?.[SIGNING_KEYS_FIELD] ?? '', 'base64').toString('utf8');
  return { secret, keys: signingKeySet.parse(JSON.parse(text)).keys };
}

/** A runner that no pod stands for, made by hand under the pool's own registration token. */
async function registered(name: string): Promise<RunnerToken> {
  const parent = await eventually('the registration token of the pool', async () =>
    (await cell.client.list(RunnerTokenKind, cell.namespace)).items.find(
      ({ spec, status }) => spec.type === 'Registration' && status?.phase === 'Active',
    ),
  );
  await cell.client.create(RunnerTokenKind, {
    apiVersion: 'harrier.dev/v1alpha1',
    kind: 'RunnerToken',
    metadata: { name, namespace: cell.namespace },
    spec: {
      type: 'Runtime',
      runner: { name },
      poolRef: parent.spec.poolRef,
      parentRef: { name: parent.metadata.name, uid: parent.metadata.uid },
      ...(parent.spec.scope === undefined ? {} : { scope: parent.spec.scope }),
      ...(parent.spec.routing === undefined ? {} : { routing: parent.spec.routing }),
    },
  });
  return await eventually('the JWT of the registered runner', async () => {
    const token = await cell.client.get(RunnerTokenKind, cell.namespace, name);
    return token?.status?.phase === 'Active' && token;
  });
}

test.each([
  ['one key out of the Secret', 'key'],
  ['the whole Secret', 'secret'],
] as const)('deleting %s ends what it signed everywhere, and pods get new JWTs', async (_what, which) => {
  const pool = await cell.pool(`deleted-${which}`, 3);
  const pods = (await pool.live())
    .map(({ metadata }) => metadata.name)
    .filter((name) => name.includes(which));
  const external = await registered(`mac-${which}`);
  const names = [...pods, external.metadata.name];
  const before = await Promise.all(names.map((name) => cell.jwtOf(name)));
  await accepted(before);
  const { secret, keys } = await keysInSecret();
  const gone = new Set(keys.map(({ jwk }) => jwk.kid));

  const from = performance.now();
  if (which === 'secret') await cell.client.delete(SecretKind, cell.namespace, 'harrier-signing-keys');
  else
    await cell.client.replace(SecretKind, {
      ...secret,
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...secret?.metadata, name: 'harrier-signing-keys', namespace: cell.namespace },
      data: { [SIGNING_KEYS_FIELD]: Buffer.from(JSON.stringify({ keys: [] })).toString('base64') },
    });
  const ms = await refusedAfter(before, from);

  const after = await eventually('new JWTs in the Secrets of the pods', async () => {
    const jwts = await Promise.all(pods.map((name) => cell.jwtOf(name)));
    return jwts.every((jwt) => !before.includes(jwt)) && jwts;
  });
  await accepted(after);
  const reissued = performance.now() - from;
  process.stdout.write(
    `${which} deleted → 401 in both replicas ${ms.toFixed(0)} ms, ${pods.length} new JWTs good after ${reissued.toFixed(0)} ms\n`,
  );
  // The goal is a second, of which it takes a tenth; a machine with other tests on it is given more before this fails.
  expect(ms).toBeLessThan(3 * GOAL_MS);

  // Whoever kept a copy has nothing, and a registered runner, which alone knows its JWT, has to register again.
  for (const { url } of cell.apis) for (const jwt of before) expect(await statusAt(url, jwt)).toBe(401);
  for (const { jwk } of (await keysInSecret()).keys) expect(gone.has(jwk.kid)).toBe(false);
  await eventually('the end of the registered runner', async () => {
    const { status } = (await cell.client.get(RunnerTokenKind, cell.namespace, external.metadata.name)) ?? {};
    return status?.phase === 'Revoked' && status.reason === 'KeyDeleted';
  });
});
