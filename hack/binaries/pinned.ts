import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { BUILD_FLAGS, ldflags } from './build.ts';
import { type Platform, PROGRAMS, type Program, type ProgramName, program } from './programs.ts';

/** What decides the bytes of the programs: another version of any of these gets a folder of its own. */
const INPUTS = ['go.mod', 'go.sum', 'etcd/main.go', 'coredns/main.go', 'tools/go.mod', 'tools/go.sum'];

export interface Pinned extends Program {
  name: ProgramName;
  version: string;
}

/** The program with the version that its go.mod requires. */
export function pinned(name: ProgramName, platform: Platform): Pinned {
  const unversioned = program(name, '', platform);
  const goMod = readFileSync(join(import.meta.dirname, unversioned.module, 'go.mod'), 'utf8');
  const version = requiredVersion(goMod, unversioned.goModule);
  return { ...program(name, version, platform), name, version };
}

export function requiredVersion(goMod: string, module: string): string {
  const found = goMod
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find((words) => words[0] === module && /^v\d/.test(words[1] ?? ''));
  if (found?.[1] === undefined) throw new Error(`go.mod requires no ${module}`);
  return found[1];
}

/** Where the programs of the pinned versions are kept, on this machine and for every checkout. */
export function cacheFolder(platform: Platform): string {
  const root = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(root, 'harrier', 'binaries', cacheKey(platform));
}

function cacheKey(platform: Platform): string {
  const hash = createHash('sha256');
  for (const input of INPUTS) hash.update(input).update(readFileSync(join(import.meta.dirname, input)));
  const flags = PROGRAMS.map((name) => ldflags(pinned(name, platform)));
  hash.update(JSON.stringify([platform, BUILD_FLAGS, flags]));
  return hash.digest('hex').slice(0, 16);
}
