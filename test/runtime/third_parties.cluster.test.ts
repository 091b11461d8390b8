import { hash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as oauth from 'oauth4webapi';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { median } from '../../bench/statistics.ts';
import { PodKind } from '../../src/kube/kinds.ts';
import { eventually, type PoolInCluster } from '../controller/pool_in_cluster.ts';
import { type Cell, startCell } from '../support/cell.ts';
import { useCluster } from '../support/cluster.ts';

const CLIENT = 'https://deploy.example.com';
const SECRET = 'a secret: with + and %';
const cluster = useCluster();
let folder: string;
let clientsFile: string;
let cell: Cell;
let pool: PoolInCluster;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-clients-'));
  clientsFile = join(folder, 'clients.json');
  await writeFile(clientsFile, JSON.stringify({ [CLIENT]: hash('sha256', SECRET, 'hex') }));
  const { kubeconfig, namespace } = cluster;
  cell = await startCell({
    kubeconfig,
    namespace,
    api: { HARRIER_INTROSPECTION_CLIENTS: clientsFile },
  });
  pool = await cell.pool('linux', 3, { token: { audiences: [CLIENT] } });
}, 120_000);
afterAll(async () => {
  await cell?.stop();
  await rm(folder, { recursive: true });
});

/** A test's issuer is plain http, which both libraries accept only when they are told to. */
const insecure = { [oauth.allowInsecureRequests]: true };

interface Runner {
  name: string;
  jwt: string;
}

/** Those whose JWT is there: a pod that was made in another's place has none in its first moment. */
async function runners(count: number): Promise<Runner[]> {
  return await eventually(`${count} runners with a JWT`, async () => {
    const pods = (await pool.live()).slice(0, count);
    const jwts = await Promise.all(pods.map(({ metadata }) => cell.jwtOf(metadata.name)));
    return pods.length === count && pods.map(({ metadata: { name } }, i) => ({ name, jwt: jwts[i] ?? '' }));
  });
}

async function runner(): Promise<Runner> {
  const [one] = await runners(1);
  if (one === undefined) throw new Error('no runner');
  return one;
}

test('a stock OAuth library verifies a runtime JWT by discovery and the published keys alone', async () => {
  const issuer = new URL(cell.issuer);
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  const { name, jwt } = await runner();
  const shown = new Request('https://deploy.example.com/', { headers: { authorization: `Bearer ${jwt}` } });
  const claims = await oauth.validateJwtAccessToken(server, shown, CLIENT, insecure);
  expect(claims).toMatchObject({
    iss: cell.issuer,
    sub: `runner:${cell.namespace}/linux/${name}`,
    client_id: `${cell.namespace}/linux`,
  });
  for (const audience of ['https://another.example.com', 'harrier-agent'])
    await expect(oauth.validateJwtAccessToken(server, shown, audience, insecure)).rejects.toThrow();
  const forged = `${jwt.slice(0, -6)}AAAAAA`;
  const broken = new Request('https://deploy.example.com/', {
    headers: { authorization: `Bearer ${forged}` },
  });
  await expect(oauth.validateJwtAccessToken(server, broken, CLIENT, insecure)).rejects.toThrow();
});

test('a stock OIDC client asks whether it is active: yes while its pod lives, no in the moment it is deleted', async () => {
  const config = await oidc.discovery(
    new URL(cell.issuer),
    CLIENT,
    undefined,
    oidc.ClientSecretBasic(SECRET),
    { execute: [oidc.allowInsecureRequests] },
  );
  const three = await runners(3);
  for (const { jwt } of three)
    await eventually('the api knows it', async () => (await oidc.tokenIntrospection(config, jwt)).active);
  const [{ name, jwt }] = three as [Runner];
  expect(await oidc.tokenIntrospection(config, jwt, { token_type_hint: 'access_token' })).toMatchObject({
    active: true,
    iss: cell.issuer,
    aud: ['harrier', CLIENT],
    sub: `runner:${cell.namespace}/linux/${name}`,
    client_id: `${cell.namespace}/linux`,
    scope: 'runner cache:read:default cache:write:default',
    token_type: 'Bearer',
    runner_state: 'Pending',
  });
  await pool.report(name, 'Idle');
  await eventually('the state in the answer', async () => {
    return (await oidc.tokenIntrospection(config, jwt)).runner_state === 'Idle';
  });

  const took: number[] = [];
  for (const one of three) {
    const from = performance.now();
    await cell.client.delete(PodKind, cell.namespace, one.name);
    await eventually('inactive', async () => !(await oidc.tokenIntrospection(config, one.jwt)).active);
    took.push(performance.now() - from);
    expect(await oidc.tokenIntrospection(config, one.jwt)).toEqual({ active: false });
    expect(cell.apis[0]?.logged()).not.toContain(one.jwt.slice(-40));
  }
  const ms = median(took);
  process.stdout.write(`pod deleted → inactive for an OIDC client ${ms.toFixed(0)} ms\n`);
  // The median, so that one pause of the machine is not taken for the api's.
  expect(ms).toBeLessThan(1_000);
});

test('a wrong secret is refused, and a secret that was changed in the file is good without a restart', async () => {
  const { jwt } = await runner();
  const ask = async (secret: string) => {
    const config = await oidc.discovery(
      new URL(cell.issuer),
      CLIENT,
      undefined,
      oidc.ClientSecretBasic(secret),
      { execute: [oidc.allowInsecureRequests] },
    );
    return await oidc.tokenIntrospection(config, jwt);
  };
  await expect(ask('another')).rejects.toThrow(oauth.WWWAuthenticateChallengeError);
  await writeFile(clientsFile, JSON.stringify({ [CLIENT]: hash('sha256', 'another', 'hex') }));
  await eventually('the new secret', async () => (await ask('another')).active);
  await expect(ask(SECRET)).rejects.toThrow(oauth.WWWAuthenticateChallengeError);
  await rm(clientsFile);
  await eventually('nobody', async () => {
    return await ask('another').then(
      () => false,
      (error) => error instanceof oauth.WWWAuthenticateChallengeError,
    );
  });
});
