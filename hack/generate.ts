/**
 * Writes every generated file of the repository from its one source; with `--check` writes nothing and fails
 * when one of them is stale, missing or left over.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chartFiles } from './generate/chart_files.ts';
import { commandPages } from './generate/command_pages.ts';
import { customResourceFiles } from './generate/custom_resources.ts';
import { endpointsPage } from './generate/endpoints_page.ts';
import { externalHookFile } from './generate/external_hook.ts';
import { grafanaDashboard } from './generate/grafana_dashboard.ts';
import { openapiFile } from './generate/openapi_file.ts';
import { referenceFiles } from './generate/reference_pages.ts';

/** Path in the repository → what must stand there. */
export type GeneratedFiles = ReadonlyMap<string, string>;

/** Folders in which nothing but generated files lives: a file there that nobody generates is left over. */
const OWNED_FOLDERS = ['crds', 'charts/harrier/templates/crds', 'docs/reference'];

export async function generatedFiles(): Promise<GeneratedFiles> {
  return new Map([
    ...customResourceFiles(),
    ...chartFiles(),
    ...referenceFiles(),
    await endpointsPage(),
    await openapiFile(),
    ...(await commandPages()),
    externalHookFile(),
    grafanaDashboard(),
  ]);
}

export interface Stale {
  path: string;
  problem: 'stale' | 'missing' | 'left over';
}

/** What differs between the files under `root` and what would be generated. */
export async function staleFiles(root: string, files: GeneratedFiles): Promise<Stale[]> {
  const stale: Stale[] = [];
  for (const [path, text] of files) {
    const found = await readFile(join(root, path), 'utf8').catch(ifAbsent);
    if (found !== text) stale.push({ path, problem: found === undefined ? 'missing' : 'stale' });
  }
  for (const folder of OWNED_FOLDERS) {
    for (const name of (await readdir(join(root, folder)).catch(ifAbsent)) ?? []) {
      const path = `${folder}/${name}`;
      if (!files.has(path)) stale.push({ path, problem: 'left over' });
    }
  }
  return stale;
}

/** Makes the files under `root` what they must be; answers what it changed. */
export async function writeStale(root: string, files: GeneratedFiles): Promise<Stale[]> {
  const stale = await staleFiles(root, files);
  for (const { path } of stale) {
    const text = files.get(path);
    if (text === undefined) {
      await rm(join(root, path));
      continue;
    }
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return stale;
}

function ifAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

if (import.meta.main) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const files = await generatedFiles();
  const check = process.argv.includes('--check');
  const stale = check ? await staleFiles(root, files) : await writeStale(root, files);
  for (const { path, problem } of stale) console.log(check ? `${problem}: ${path}` : `written: ${path}`);
  if (check && stale.length > 0) {
    console.error('Generated files are not up to date. Run: npm run generate');
    process.exitCode = 1;
  }
}
