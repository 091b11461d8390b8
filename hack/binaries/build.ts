import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Note } from '../progress.ts';
import type { Pinned } from './pinned.ts';

const execFileAsync = promisify(execFile);

export const BUILD_FLAGS = ['-trimpath', '-mod=readonly', '-buildvcs=false'];

/** Without a version, Kubernetes' programs call themselves v0.0.0 and clients complain of the skew; Gitea's clients too. */
export function ldflags({ goModule, version }: Pick<Pinned, 'goModule' | 'version'>): string {
  if (goModule === 'code.gitea.io/gitea') return `-s -w -X main.Version=${version.slice(1)}`;
  if (goModule !== 'k8s.io/kubernetes') return '-s -w';
  const [major, minor] = version.slice(1).split('.');
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const settings = Object.entries(values).map(
    ([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`,
  );
  return ['-s -w', ...settings].join(' ');
}

/** What of the build differs between programs, for the name of their shelf. */
export function settings(program: Pinned): string {
  return [ldflags(program), ...(program.tags ?? [])].join(' ');
}

export async function goVersion(): Promise<string | undefined> {
  try {
    return (await execFileAsync('go', ['env', 'GOVERSION'], { cwd: import.meta.dirname })).stdout.trim();
  } catch {
    return undefined;
  }
}

/** Builds the program from its Go module, whose go.sum says what every source file must be, into the file. */
export async function build(program: Pinned, file: string, note: Note): Promise<void> {
  const cwd = join(import.meta.dirname, program.module);
  const env = { ...process.env, CGO_ENABLED: program.cgo ? '1' : '0' };
  const tags = program.tags === undefined ? [] : ['-tags', program.tags.join(',')];
  note(`building ${program.name}: reading its sources`);
  const total = await packageCount(program, tags, cwd, env);
  note(`building ${program.name}: at most ${total} packages, those compiled before are cached`);
  const flags = [...BUILD_FLAGS, ...tags, '-ldflags', ldflags(program)];
  const args = ['build', '-v', ...flags, '-o', file, program.goPackage];
  const child = spawn('go', args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const said: string[] = [];
  let compiled = 0;
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line);
    // `go build -v` names each package that it compiles, and says on the same stream what it downloads.
    if (!line.startsWith('go: ') && !line.includes(' ')) compiled += 1;
    note(`building ${program.name}: ${compiled} packages compiled of at most ${total}, now ${line}`);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`go build ${program.goPackage} failed:\n${said.slice(-15).join('\n')}`);
}

async function packageCount(
  program: Pinned,
  tags: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const listed = await execFileAsync('go', ['list', '-mod=readonly', ...tags, '-deps', program.goPackage], {
    cwd,
    env,
    maxBuffer: 64 * 1024 * 1024,
  });
  return listed.stdout.trim().split('\n').length;
}
