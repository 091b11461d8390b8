/** `npm run build`: bundles src/ to dist/, and fails when something heavy would run beside the job. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { findBleed, inputsOf } from './bundle/bleed.ts';
import { pageInside } from './bundle/page.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const BESIDE_THE_JOB = ['src/modes/sidecar.ts', 'src/modes/join.ts'];
/** What these must not load: each costs tens of MiB or tens of milliseconds beside every job. */
const FORBIDDEN_BESIDE_THE_JOB = [
  '@kubernetes',
  'zod',
  'fastify',
  '@fastify',
  'pino-pretty',
  '@aws-sdk',
  '@smithy',
];

export interface BundleOptions {
  /** The checkout's root, to which the other paths are relative. */
  root?: string;
  entry?: string;
  outFolder?: string;
  /** Source files of the parts that run beside the job, and packages that they may not load. */
  light?: { sources: readonly string[]; forbidden: readonly string[] };
}

/** Bundles one entry with a chunk for each dynamic import. Throws an Error that lists what bled into the light part. */
export async function bundle(options: BundleOptions = {}): Promise<{ lightInputs: string[] }> {
  const root = options.root ?? ROOT;
  const outFolder = options.outFolder ?? 'dist';
  const light = options.light ?? { sources: BESIDE_THE_JOB, forbidden: FORBIDDEN_BESIDE_THE_JOB };
  await rm(join(root, outFolder), { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [options.entry ?? 'src/main.ts'],
    outdir: outFolder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Not minified: a stack trace in a log should be read as it is, and the sidecar's chunk is small enough.
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'linked',
    // CommonJS packages ask for Node's own modules by require, which an ES module does not have.
    banner: {
      js: "import{createRequire as __harrierRequire}from'node:module';const require=__harrierRequire(import.meta.url);",
    },
    plugins: [pageInside],
    metafile: true,
    logLevel: 'warning',
  });
  for (const source of light.sources) {
    const bled = findBleed(metafile, source, light.forbidden);
    if (bled.length > 0) {
      throw new Error(`${source} loads what it may not:\n${bled.map((input) => `  ${input}`).join('\n')}`);
    }
  }
  return { lightInputs: light.sources.flatMap((source) => inputsOf(metafile, source)) };
}

if (import.meta.main) {
  const started = performance.now();
  await bundle();
  console.log(`✓ dist/ (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}
