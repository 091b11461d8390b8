import { existsSync, mkdirSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '../processes/lock.ts';
import type { Note } from '../progress.ts';
import { build, goVersion } from './build.ts';
import { download, isReachable } from './download.ts';
import { cacheFolder, type Pinned, pinned } from './pinned.ts';
import { type ProgramName, platformOf } from './programs.ts';

/**
 * Makes sure that the programs are there, in the versions pinned by go.mod, and answers the folder they are in: of one
 * kind, those of a cluster or those that things are stored in.
 * What is missing is downloaded as its project's release, checksum compared, where that can be reached;
 * else built from its Go module. Safe beside other callers, and after a kill -9 of one.
 */
export async function ensureBinaries(names: readonly ProgramName[], note: Note = () => {}): Promise<string> {
  const platform = platformOf(process.platform, process.arch);
  const folder = cacheFolder(names, platform);
  const missing = () => names.filter((name) => !existsSync(join(folder, name)));
  if (missing().length === 0) return folder;
  mkdirSync(folder, { recursive: true });
  await withLock(
    join(folder, '.lock'),
    async () => {
      await removePartial(folder);
      const wanted = missing().map((name) => pinned(name, platform));
      const reachable = await reachableReleases(wanted, note);
      for (const [index, program] of wanted.entries()) {
        const counted: Note = (text) => note(`${index + 1} of ${wanted.length}: ${text}`);
        await obtain(program, folder, reachable.has(program.name), counted);
      }
    },
    note,
  );
  return folder;
}

async function reachableReleases(programs: Pinned[], note: Note): Promise<Set<ProgramName>> {
  note('looking whether releases can be downloaded');
  const reached = await Promise.all(
    programs.map(async ({ name, release }) => release !== undefined && (await isReachable(release)) && name),
  );
  return new Set(reached.filter((name) => name !== false));
}

/** The finished program appears under its name in one step, so that a file that is there is whole. */
async function obtain(program: Pinned, folder: string, reachable: boolean, note: Note): Promise<void> {
  // With our pid: a compiler that outlived its killed starter still writes to the name it was given.
  const partial = join(folder, `.partial-${program.name}-${process.pid}`);
  const downloaded = reachable && (await tryDownload(program, partial, note));
  if (!downloaded) await buildOrExplain(program, partial, note);
  await rename(partial, join(folder, program.name));
}

async function tryDownload(program: Pinned, file: string, note: Note): Promise<boolean> {
  if (program.release === undefined) return false;
  try {
    await download(program.release, file, note);
    return true;
  } catch (error) {
    console.warn(`  ${program.name} is built instead: ${(error as Error).message}`);
    return false;
  }
}

async function buildOrExplain(program: Pinned, file: string, note: Note): Promise<void> {
  if ((await goVersion()) === undefined) {
    throw new Error(
      `${program.name} ${program.version} can neither be downloaded (${program.release?.url ?? 'its release has no checksum'}) nor built (there is no Go in PATH)`,
    );
  }
  await build(program, file, note);
}

async function removePartial(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (entry.startsWith('.partial-') || entry.startsWith('download-')) {
      await rm(join(folder, entry), { recursive: true, force: true });
    }
  }
}
