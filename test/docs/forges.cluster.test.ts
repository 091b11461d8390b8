import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ensureBinaries } from '../../hack/binaries/ensure.ts';
import { run } from '../../hack/run/command.ts';
import { useCluster } from '../support/cluster.ts';
import { commandsOf } from './commands.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = (await readdir(join(ROOT, 'docs'))).filter((name) => /^(forges|autoscaling).*\.md$/.test(name));
const EXAMPLES = ['external-forge', 'gitea'].map((name) => `examples/${name}/pool.yaml`);
/** What needs no controller, no runner and no forge; the namespace of the pages is this test's. */
const CHECKED = /^kubectl -n runners (create|get|describe|annotate|label|patch|scale) /;

const cluster = useCluster();
let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-forge-pages-'));
  const bin = await ensureBinaries(['kubectl']);
  env = { PATH: `${bin}${delimiter}${process.env.PATH}`, KUBECONFIG: cluster.kubeconfig };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** All objects of a text, in the namespace given; none for YAML that is no object of Kubernetes. */
function objectsOf(text: string, namespace: string): { kind: string; metadata: { name: string } }[] {
  return (
    parseAllDocuments(text)
      .map((document) => document.toJS())
      // Of KEDA there is nothing in this cluster.
      .filter((object) => object?.apiVersion !== undefined && !object.apiVersion.startsWith('keda.sh/'))
      .map((object) => ({ ...object, metadata: { ...object.metadata, namespace } }))
  );
}

async function sh(command: string, namespace: string): Promise<string> {
  const variables = [...command.matchAll(/\$\{?([A-Z_]+)/g)].map(([, name = '']) => [name, 'a-text']);
  for (const [, file = ''] of command.matchAll(/--from-file=(?:[\w.]+=)?(\S+)/g))
    await writeFile(join(folder, file.replace(/^.*\//, '')), 'a text');
  const line = command
    .replace('-n runners ', `-n ${namespace} `)
    .replace(/(--from-file=(?:[\w.]+=)?)\S*?([\w.-]+)(?=\s|$)/g, '$1$2');
  return run('bash', ['-euo', 'pipefail', '-c', line], {
    cwd: folder,
    env: { ...env, ...Object.fromEntries(variables) },
  });
}

describe.each(PAGES)('docs/%s', (name) => {
  test('its manifests are accepted, and its commands run', async () => {
    const page = await readFile(join(ROOT, 'docs', name), 'utf8');
    const namespace = await cluster.newNamespace();
    const blocks = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(([, text = '']) =>
      objectsOf(text, namespace),
    );
    const commands = commandsOf(page).filter((command) => CHECKED.test(command));
    for (const command of commands.filter((one) => one.includes(' create '))) await sh(command, namespace);
    for (const object of blocks) {
      const input = JSON.stringify(object);
      // Twice the same name on one page is one object that changes.
      expect(
        await cluster.kubectl('apply', '--namespace', namespace, '-f', '-', { input }),
        object.metadata.name,
      ).toMatch(/created|configured/);
    }
    for (const command of commands.filter((one) => !one.includes(' create '))) await sh(command, namespace);
  });
});

test.each(EXAMPLES)('%s is accepted', async (path) => {
  const namespace = await cluster.newNamespace();
  const objects = objectsOf(await readFile(join(ROOT, path), 'utf8'), namespace);
  expect(objects.map(({ kind }) => kind)).toContain('RunnerPool');
  for (const object of objects)
    await cluster.kubectl('apply', '--dry-run=server', '--namespace', namespace, '-f', '-', {
      input: JSON.stringify(object),
    });
});
