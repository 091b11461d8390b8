import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { NODE_FLAGS, PROGRAM_ENV } from '../../hack/program.ts';

const MODE = fileURLToPath(new URL('../../src/modes/join.ts', import.meta.url));

/** Who the runner is in tests that may give a process another user; else whoever runs them. */
export const RUNNER_USER = process.getuid?.() === 0 ? 1001 : (process.getuid?.() ?? 0);

/** A join folder as kubelet makes it, with the bundled `harrier join` beside it. */
export async function prepareJoin() {
  const root = await mkdtemp(join(tmpdir(), 'harrier-join-'));
  await chmod(root, 0o755);
  const bundle = join(root, 'join.mjs');
  await build({
    stdin: {
      contents: `import { run } from ${JSON.stringify(MODE)};
        run(process.env).catch((error) => { process.stderr.write('harrier join: ' + error.message + '\\n'); process.exitCode = 1; });`,
      resolveDir: root,
    },
    outfile: bundle,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
  });
  return {
    bundle,
    /** Another folder for each runner, which anybody may write to and delete from: an emptyDir's mode is 0777. */
    async folder(): Promise<string> {
      const folder = await mkdtemp(join(root, 'folder-'));
      await chmod(folder, 0o777);
      return folder;
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

export interface JoinEnd {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the join container's program to its end, as the runner's user. */
export async function runJoin(
  bundle: string,
  { url, folder, seconds = 20 }: { url: string; folder: string; seconds?: number },
): Promise<JoinEnd> {
  const child = spawn(process.execPath, [...NODE_FLAGS, bundle], {
    env: {
      ...PROGRAM_ENV,
      HARRIER_URL: url,
      HARRIER_JOIN_DIR: folder,
      HARRIER_JOIN_TIMEOUT: String(seconds),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(process.getuid?.() === 0 ? { uid: RUNNER_USER, gid: RUNNER_USER } : {}),
  });
  const end: JoinEnd = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    end.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    end.stderr += chunk;
  });
  end.code = await new Promise((resolve) => child.once('close', resolve));
  return end;
}
