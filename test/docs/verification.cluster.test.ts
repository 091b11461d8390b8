import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ensureBinaries } from '../../hack/binaries/ensure.ts';
import { PodKind } from '../../src/kube/kinds.ts';
import { introspectionAnswer } from '../../src/protocol/introspection.ts';
import { render } from '../chart/chart.ts';
import { eventually } from '../controller/pool_in_cluster.ts';
import { type Cell, startCell } from '../support/cell.ts';
import { useCluster } from '../support/cluster.ts';

const repository = join(import.meta.dirname, '../..');
const page = await readFile(join(repository, 'docs/verification.md'), 'utf8');
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);

const cluster = useCluster();
const runFile = promisify(execFile);
let folder: string;
let cell: Cell;
let jwt: string;
let pod: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-verification-'));
  const { kubeconfig, namespace } = cluster;
  cell = await startCell({
    kubeconfig,
    namespace,
    api: { HARRIER_INTROSPECTION_CLIENTS: join(folder, 'clients.json') },
  });
  const pool = await cell.pool('linux', 1, { token: { audiences: ['deploy'] } });
  pod = (await pool.live())[0]?.metadata.name ?? '';
  jwt = await cell.jwtOf(pod);
  const bin = await ensureBinaries(['kubectl']);
  env = {
    PATH: `${bin}:${dirname(process.execPath)}:${process.env.PATH}`,
    KUBECONFIG: kubeconfig,
    ISSUER: cell.issuer,
    AUDIENCE: 'deploy',
  };
}, 120_000);
afterAll(async () => {
  await cell?.stop();
  await rm(folder, { recursive: true });
});

/** A block as it stands in the page, in this test's namespace and in its folder. */
async function sh(block: string | undefined): Promise<string> {
  const script = (block ?? '').replace('-n harrier ', `-n ${cluster.namespace} `);
  return (await runFile('sh', ['-euc', script], { cwd: folder, env })).stdout;
}

function verified(token: string, audience = 'deploy'): Promise<string> {
  const node = runFile(process.execPath, ['--input-type=module', '--eval', blocks('js')[0] ?? ''], {
    cwd: repository,
    env: { ...env, AUDIENCE: audience },
  });
  node.child.stdin?.end(token);
  return node.then(({ stdout }) => stdout);
}

test('the program verifies a token by the published keys, and no other', async () => {
  expect(await verified(jwt)).toContain(`runner:${cluster.namespace}/linux/${pod}`);
  await expect(verified(`${jwt.slice(0, -6)}AAAAAA`)).rejects.toThrow();
  await expect(verified(jwt, 'another')).rejects.toThrow();
});

test('the commands make a client, which is told that a token is active until its pod is gone', {
  timeout: 120_000,
}, async () => {
  const [make, ask] = blocks('sh');
  await sh(make);
  const { data } = await cluster.kubectlJson<{ data: Record<string, string> }>(
    'get',
    'secret',
    'introspection-clients',
  );
  // What kubelet would mount is what the api reads here.
  expect(Buffer.from(data['clients.json'] ?? '', 'base64').toString()).toBe(
    await readFile(join(folder, 'clients.json'), 'utf8'),
  );
  await writeFile(join(folder, 'token'), jwt);
  const answer = await eventually('the client is known', async () => {
    const told = JSON.parse(await sh(ask));
    // What the api has not heard of yet is not active.
    return told.active === true && told;
  });
  expect(answer).toMatchObject({ active: true, iss: cell.issuer });
  const documented = page.slice(page.indexOf('| member |')).split('\n\n', 1)[0] ?? '';
  for (const member of Object.keys(answer)) expect(documented).toContain(`\`${member}\``);
  expect(Object.keys(introspectionAnswer.shape).sort()).toEqual(Object.keys(answer).sort());

  await cell.client.delete(PodKind, cluster.namespace, pod);
  await eventually('its end', async () => (await sh(ask)) === '{"active":false}');
});

test('the values are ones that the chart takes', async () => {
  const [values] = blocks('yaml');
  const manifests = await render({ values: parse(values ?? '') });
  expect(manifests.map(({ metadata }) => metadata.name)).toContain('harrier-trusted-issuers');
});
