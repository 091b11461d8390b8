import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { withLock } from '../../hack/processes/lock.ts';
import { run } from '../../hack/run/command.ts';

interface Client {
  tool: string;
  /** What decides the program's bytes. */
  inputs: readonly string[];
  /** Builds it in `scratch` and answers its file. */
  build(source: string, scratch: string): Promise<string>;
}

const GO_INPUTS = ['go.mod', 'go.sum', 'main.go'];

async function buildGo(cwd: string, scratch: string): Promise<string> {
  const file = join(scratch, 'client');
  const args = ['build', '-trimpath', '-mod=readonly', '-buildvcs=false', '-o', file, '.'];
  await run('go', args, { cwd, env: { CGO_ENABLED: '0' }, timeoutMs: 600_000 });
  return file;
}

const CLIENTS = {
  /** BuildKit's own client of the cache. */
  go: {
    tool: 'go',
    inputs: GO_INPUTS,
    build: buildGo,
  },
  /** KEDA's of an external scaler. */
  keda: {
    tool: 'go',
    inputs: GO_INPUTS,
    build: buildGo,
  },
  /** OpenDAL's, through which sccache stores. */
  rust: {
    tool: 'cargo',
    inputs: ['Cargo.toml', 'Cargo.lock', 'src/main.rs'],
    async build(cwd, scratch) {
      await run('cargo', ['build', '--release', '--locked', '--target-dir', scratch], {
        cwd,
        timeoutMs: 1_800_000,
      });
      return join(scratch, 'release', 'ghac-client');
    },
  },
} as const satisfies Record<string, Client>;
export type ClientName = keyof typeof CLIENTS;
export const CLIENT_NAMES = Object.keys(CLIENTS) as ClientName[];

/** How long a first build may take on a slow and busy machine, in ms. */
export const BUILD_TIMEOUT = 1_800_000;

/** Why the client can't be built here; undefined where it can, or is there already. */
export function whyNot(name: ClientName): string | undefined {
  if (existsSync(kept(name))) return undefined;
  const { tool } = CLIENTS[name];
  return isThere(tool) ? undefined : `there is no ${tool} in PATH to build the client with`;
}

/** The client's program, built at the first time and kept with the other programs that tests build. */
export async function clientProgram(name: ClientName): Promise<string> {
  const file = kept(name);
  if (existsSync(file)) return file;
  await mkdir(join(file, '..'), { recursive: true });
  return withLock(`${file}.lock`, async () => {
    if (existsSync(file)) return file;
    const scratch = await mkdtemp(join(tmpdir(), `harrier-client-${name}-`));
    try {
      const built = await CLIENTS[name].build(join(import.meta.dirname, name), scratch);
      // In one step, so that a file that is there is whole.
      await copyFile(built, `${file}.${process.pid}`);
      await rename(`${file}.${process.pid}`, file);
      return file;
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  });
}

function kept(name: ClientName): string {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  for (const input of CLIENTS[name].inputs)
    hash.update(input).update(readFileSync(join(import.meta.dirname, name, input)));
  const root = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(root, 'harrier', 'clients', `${name}-${hash.digest('hex').slice(0, 16)}`);
}

function isThere(tool: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, tool)));
}
