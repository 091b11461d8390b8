import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { run } from '../../hack/run/command.ts';
import { WEBHOOKS_SECRET } from '../../src/resources/group.ts';
import type { RunnerPool } from '../../src/resources/runner_pool.ts';
import { readTrigger } from '../../src/runtime/keda/demand.ts';
import { only, render } from '../chart/chart.ts';
import { type ApiProcess, startApi } from '../runtime/api_process.ts';
import { useCluster } from '../support/cluster.ts';

const cluster = useCluster();
const page = await readFile(join(import.meta.dirname, '../../docs/autoscaling.md'), 'utf8');
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);
const SECRET = 'by hand';
let api: ApiProcess;

beforeAll(async () => {
  const manifest = blocks('yaml')
    .map((text) => parse(text))
    .find((one) => one.metadata?.name === 'linux');
  const input = JSON.stringify({ ...manifest, metadata: { name: 'linux' } });
  const made = JSON.parse(await cluster.kubectl('create', '-o', 'json', '-f', '-', { input }));
  const literal = `--from-literal=${(made as RunnerPool).metadata.uid}=${SECRET}`;
  await cluster.kubectl('create', 'secret', 'generic', WEBHOOKS_SECRET, literal);
  const { kubeconfig, namespace } = cluster;
  api = await startApi({ kubeconfig, namespace, runners: namespace, ready: false });
});
afterAll(() => api.stop());

test('the webhook that is made by hand is told', async () => {
  const script = blocks('sh').find((text) => text.includes('openssl dgst'));
  if (script === undefined) throw new Error('the page shows no webhook');
  const env = { SECRET, HOOKS: api.url };
  const here = script.replace('/runners/', `/${cluster.namespace}/`);
  await expect
    .poll(() => run('bash', ['-euo', 'pipefail', '-c', here], { env }), { timeout: 30_000 })
    .toMatch(/^HTTP\/1.1 202 .*"outcome":"told"/s);
  const { status } = await cluster.kubectlJson<RunnerPool>('get', 'rp', 'linux');
  expect(status?.webhook?.delivery).toMatch(/^by-hand-\d+$/);
});

test('the ScaledObject asks what is answered, where the chart has it answered', async () => {
  const object = blocks('yaml')
    .map((text) => parse(text))
    .find(({ kind }) => kind === 'ScaledObject');
  const [{ metadata: scalerMetadata }] = object.spec.triggers;
  const { name, namespace } = object.metadata;
  const asked = readTrigger({ name, namespace, scalerMetadata });
  expect(asked).toEqual({ namespace: 'runners', pool: object.spec.scaleTargetRef.name, minIdle: 2 });
  const values = parse(blocks('yaml').find((text) => text.includes('\nkeda:')) ?? '');
  const service = only(await render({ namespace: 'harrier-system', values }), 'Service', 'harrier-keda');
  const { metadata, spec } = service;
  const [{ port }] = spec.ports;
  expect(scalerMetadata.scalerAddress).toBe(`${metadata.name}.${metadata.namespace}.svc:${port}`);
});

test('the values of the chart are values of the chart', async () => {
  const values = blocks('yaml').filter((text) => text.startsWith('# values of the chart'));
  expect(values).toHaveLength(2);
  for (const text of values) expect(await render({ values: parse(text) })).not.toEqual([]);
});
