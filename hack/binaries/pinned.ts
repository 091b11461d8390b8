import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { BUILD_FLAGS, settings } from './build.ts';
import {
  CLUSTER_PROGRAMS,
  FORGE_PROGRAMS,
  type Platform,
  type Program,
  type ProgramName,
  program,
  STORE_PROGRAMS,
} from './programs.ts';

/**
 * Programs that are kept together, and what decides their bytes: another version of any of it gets a folder of its own.
 * A shelf for each kind, so that another S3 server doesn't mean building Kubernetes anew.
 */
const SHELVES: readonly { programs: readonly ProgramName[]; inputs: readonly string[] }[] = [
  {
    programs: CLUSTER_PROGRAMS,
    inputs: ['go.mod', 'go.sum', 'etcd/main.go', 'coredns/main.go', 'tools/go.mod', 'tools/go.sum'],
  },
  { programs: STORE_PROGRAMS, inputs: ['s3/go.mod', 's3/go.sum'] },
  {
    programs: FORGE_PROGRAMS,
    inputs: ['gitea/go.mod', 'gitea/go.sum', 'gitea_runner/go.mod', 'gitea_runner/go.sum'],
  },
];

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

/** Where these programs, in the pinned versions, are kept on this machine for every checkout; all of one shelf. */
export function cacheFolder(names: readonly ProgramName[], platform: Platform): string {
  const shelf = SHELVES.find(({ programs }) => names.every((name) => programs.includes(name)));
  if (shelf === undefined) throw new Error(`${names.join(', ')} are not kept together`);
  const root = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const hash = createHash('sha256');
  for (const input of shelf.inputs) {
    hash.update(input).update(readFileSync(join(import.meta.dirname, input)));
  }
  const flags = shelf.programs.map((name) => settings(pinned(name, platform)));
  hash.update(JSON.stringify([platform, BUILD_FLAGS, flags]));
  return join(root, 'harrier', 'binaries', hash.digest('hex').slice(0, 16));
}
