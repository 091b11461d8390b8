import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apply, kinds, render } from '../chart/chart.ts';
import { type ControllerProcess, startController } from '../controller/controller_process.ts';
import { create, poolManifest } from '../resources/pool_manifest.ts';
import { type ApiProcess, startApi } from '../runtime/api_process.ts';
import { useCluster } from '../support/cluster.ts';
import { ISSUER } from '../tokens/builders.ts';
import { useBundle } from './bundled.ts';

const cluster = useCluster();
const program = useBundle();
const LONG = { timeout: 30_000 };
const OWNER = 'owner-of-the-pool';
const suffix = randomBytes(4).toString('hex');
let controller: ControllerProcess;
let api: ApiProcess;
let scratch: string;

/** `harrier token` with the rights of the chart's roles for people and of reading Secrets, in one namespace. */
async function asOwner(...args: string[]) {
  const env = { KUBECONFIG: join(scratch, 'config') };
  const { code, out, err } = await program.run(args, { env });
  if (code !== 0) throw new Error(`${args.join(' ')}: exit ${code}: ${err}`);
  return out;
}

beforeAll(async () => {
  const { kubeconfig, namespace } = cluster;
  scratch = await mkdtemp(join(tmpdir(), 'harrier-owner-'));
  await create(cluster, poolManifest('macs', { replicas: 0 }));
  controller = startController({ kubeconfig, namespace, env: { HARRIER_ISSUER: ISSUER } });
  api = await startApi({ kubeconfig, namespace, runners: namespace });
  const config = JSON.parse(await cluster.kubectl('config', 'view', '--raw', '--flatten', '-o', 'json'));
  for (const { context } of config.contexts) context.namespace = namespace;
  for (const { user } of config.users) user.as = OWNER;
  await writeFile(join(scratch, 'config'), JSON.stringify(config));
  await giveRights();
  await untilAllowed();
}, 120_000);

afterAll(async () => {
  await api.stop();
  await controller.kill('SIGTERM');
  await rm(scratch, { recursive: true });
});

/** As Roles of the file's own namespace: what the chart aggregates into view and edit, and no more of those. */
async function giveRights(): Promise<void> {
  const rules = kinds(await render(), 'ClusterRole').flatMap((role) => role.rules);
  const name = `owner-${suffix}`;
  const reading = { apiGroups: [''], resources: ['secrets'], verbs: ['get'] };
  const rbac = 'rbac.authorization.k8s.io';
  await apply(cluster, [
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name }, rules: [...rules, reading] },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'Role', name },
      subjects: [{ apiGroup: rbac, kind: 'User', name: OWNER }],
    },
  ]);
}

/** The apiserver learns of roles by a watch of its own. */
async function untilAllowed(): Promise<void> {
  const may = ['auth', 'can-i', 'list', 'runnertokens.harrier.dev', '--as', OWNER];
  while ((await cluster.kubectl(...may).catch(() => 'no')).trim() !== 'yes') await sleep(100);
}

const ask = (method: string, path: string, bearer: string, body?: object, call = randomUUID()) =>
  fetch(`${api.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      'idempotency-key': call,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

test("a pool's owner lets a runner in, sees it, and takes it out again", async () => {
  const watching = program.start(['list', '--watch'], { env: { KUBECONFIG: join(scratch, 'config') } });
  const value = (
    await asOwner('create', '--pool', 'macs', '--name', 'door', '--max-uses', '2', '--show')
  ).trim();

  // The api knows the token as soon as its watch has brought it. One call: what came too late is asked for again.
  const call = randomUUID();
  const joined = { status: 0, token: '' };
  await expect
    .poll(async () => {
      const answer = await ask('POST', '/v1/registrations', value, { name: 'mac-1' }, call);
      joined.status = answer.status;
      if (answer.ok) joined.token = ((await answer.json()) as { token: string }).token;
      return answer.ok;
    }, LONG)
    .toBe(true);
  expect((await ask('GET', '/v1/runner', joined.token)).status).toBe(200);

  await expect.poll(() => watching.out(), LONG).toMatch(/^door +macs +Reusable +1\/2 +mac-1 +1 +Active /m);
  const [listed] = JSON.parse(await asOwner('list', '-o', 'json')).items.filter(isDoor);
  expect(listed.status).toMatchObject({ uses: 1, lastUsedBy: 'mac-1' });
  expect(await asOwner('describe', 'door')).toMatch(/^ {2}mac-1 /m);
  expect(await asOwner('list', '--type', 'runtime')).toMatch(/ macs +mac-1 /);
  const said = JSON.parse(await inspected(joined.token));
  expect(said).toMatchObject({ format: 'jwt', validity: { standing: 'in-time' }, signature: 'unverified' });
  expect(said.claims).toMatchObject({
    iss: ISSUER,
    'harrier.dev': { runner: { name: 'mac-1' }, attempt: 1 },
  });

  expect(await asOwner('disable', 'door')).toContain('disabled: 1 runner revoked');
  await expect.poll(async () => (await ask('GET', '/v1/runner', joined.token)).status, LONG).toBe(401);
  expect((await ask('POST', '/v1/registrations', value, { name: 'mac-2' })).status).not.toBe(201);

  // The api looks at what the owner wants; the controller's word comes later, and never where it is too late.
  await expect.poll(() => watching.out(), LONG).toMatch(/^door .* Inactive /m);
  await asOwner('enable', 'door');
  await expect.poll(() => watching.out(), LONG).toMatch(/ Inactive [\s\S]* Active [^\n]*\n$/);
  expect((await ask('GET', '/v1/runner', joined.token)).status).toBe(401);
  await asOwner('revoke', 'door');
  await expect.poll(() => watching.out(), LONG).toMatch(/^door .* Deleted /m);
  await watching.interrupt();
  expect(watching.out()).not.toContain(value);
}, 180_000);

const isDoor = ({ metadata }: { metadata: { name: string } }) => metadata.name === 'door';

/** By standard input, as its help text advises. */
async function inspected(token: string): Promise<string> {
  const { code, out } = await program.run(['inspect'], { input: token });
  expect(code).toBe(0);
  return out;
}
