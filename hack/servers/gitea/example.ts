import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { GiteaClient } from './client.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const EXAMPLE = join(ROOT, 'examples', 'gitea');
export const WORKFLOW = '.gitea/workflows/build.yml';
export const ORGANIZATION = 'acme';

/** The organization of examples/gitea with its action, which workflows use as acme/cached-folder. */
export async function cachedFolderAction(client: GiteaClient): Promise<string> {
  const folder = join(EXAMPLE, 'cached-folder');
  const { outputFiles } = await build({
    ...{ entryPoints: [join(folder, 'main.mjs')], absWorkingDir: ROOT, outfile: 'index.js' },
    ...{ bundle: true, platform: 'node', target: 'node24', format: 'esm', write: false, logLevel: 'warning' },
    // CommonJS packages ask for Node's own modules by require, which an ES module does not have.
    banner: { js: "import{createRequire as r}from'node:module';const require=r(import.meta.url);" },
  });
  const repository = await client.repository(ORGANIZATION, 'cached-folder');
  await client.push(
    repository,
    {
      'action.yml': await readFile(join(folder, 'action.yml')),
      'index.js': outputFiles[0]?.text ?? '',
      'package.json': '{"type":"module"}\n',
    },
    'The action with @actions/cache in it',
  );
  return repository;
}

export function exampleWorkflow(): Promise<string> {
  return readFile(join(EXAMPLE, 'app', WORKFLOW), 'utf8');
}
