import { BUILD_TIMEOUT, CLIENT_NAMES, clientProgram, whyNot } from '../../test/clients/build_client.ts';
import { ensureBinaries } from '../binaries/ensure.ts';
import { FORGE_PROGRAMS, STORE_PROGRAMS } from '../binaries/programs.ts';
import { ensureChromium } from '../browser/chromium.ts';
import type { Note } from '../progress.ts';
import { whyNoGitea } from '../servers/gitea/server.ts';
import { ensurePostgres, whyNoPostgres } from '../servers/postgres.ts';

/**
 * Has all that the tests start beside Harrier itself, before any of them runs: compilers and package managers beside
 * them would make every test that waits for something wait longer. What can't be had here the tests say themselves.
 */
export async function prepare(note: Note): Promise<void> {
  note('an S3 server');
  await ensureBinaries(STORE_PROGRAMS, note);
  for (const name of CLIENT_NAMES) {
    note(`the stock client ${name}, which may take ${BUILD_TIMEOUT / 60_000} minutes at most`);
    if (whyNot(name) === undefined) await clientProgram(name);
  }
  note('a real Gitea and its runner');
  if (whyNoGitea() === undefined) await ensureBinaries(FORGE_PROGRAMS, note);
  note('PostgreSQL');
  if (whyNoPostgres() === undefined) await ensurePostgres();
  note('Chromium');
  await ensureChromium(note);
}
