import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** One file of the page, as a browser gets it. */
export interface PageFile {
  /** Where it is served. */
  path: string;
  type: string;
  body: string;
}

/** Makes the page of its sources beside this file; esbuild is loaded here alone, since only a checkout has it. */
export async function buildPage(): Promise<PageFile[]> {
  const folder = new URL('page/', import.meta.url);
  const read = (name: string) => readFile(new URL(name, folder), 'utf8');
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page.ts', folder))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
  });
  return [
    { path: '/ui', type: 'text/html; charset=utf-8', body: await read('index.html') },
    { path: '/ui/page.js', type: 'text/javascript; charset=utf-8', body: outputFiles[0]?.text ?? '' },
    { path: '/ui/page.css', type: 'text/css; charset=utf-8', body: await read('page.css') },
    { path: '/ui/icon.svg', type: 'image/svg+xml', body: await read('icon.svg') },
  ];
}
