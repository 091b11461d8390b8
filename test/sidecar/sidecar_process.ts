import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { NODE_FLAGS, PROGRAM_ENV } from '../../hack/program.ts';

const MODE = fileURLToPath(new URL('../../src/modes/sidecar.ts', import.meta.url));

/** Bundles the sidecar alone, as the image's build does, into the folder; answers the file. */
export async function bundleSidecar(folder: string): Promise<string> {
  await build({
    stdin: {
      contents: `import { run } from ${JSON.stringify(MODE)}; await run(process.env);`,
      resolveDir: folder,
    },
    outdir: folder,
    entryNames: 'sidecar',
    outExtension: { '.js': '.mjs' },
    splitting: true,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifyWhitespace: true,
    minifySyntax: true,
    banner: {
      js: "import{createRequire as __harrierRequire}from'node:module';const require=__harrierRequire(import.meta.url);",
    },
  });
  return join(folder, 'sidecar.mjs');
}

export interface SidecarProcess {
  child: ChildProcess;
  url: string;
  /** From the spawn to the line that says it serves, in milliseconds. */
  startedAfter: number;
  /** Its log so far, one JSON object a line. */
  log(): Record<string, unknown>[];
  /** Resident set now, in MiB. */
  residentMiB(): Promise<number>;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>;
}

/** Starts a bundled sidecar, as its image does, and waits until it serves; `within` is what starts it elsewhere. */
export async function startSidecar(
  bundle: string,
  env: Record<string, string>,
  within: readonly string[] = [],
): Promise<SidecarProcess> {
  const began = performance.now();
  const [command = '', ...args] = [...within, process.execPath, ...NODE_FLAGS, bundle];
  const child = spawn(command, args, {
    env: { ...PROGRAM_ENV, HARRIER_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  const log = () =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const port = await new Promise<unknown>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const line = log().find(({ msg }) => msg === 'sidecar serves');
      if (line !== undefined) resolve(line.port);
    });
    child.once('exit', () => reject(new Error(`the sidecar did not start: ${text}`)));
  });
  return {
    child,
    url: `http://127.0.0.1:${port}`,
    startedAfter: performance.now() - began,
    log,
    async residentMiB() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
    },
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

/** A folder with a bundled sidecar and a token file. */
export async function prepareSidecar(
  token: string,
): Promise<{ folder: string; bundle: string; tokenFile: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'harrier-bundle-'));
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, `${token}\n`);
  const bundle = await bundleSidecar(folder);
  return { folder, bundle, tokenFile, remove: () => rm(folder, { recursive: true, force: true }) };
}
