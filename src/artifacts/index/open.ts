import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactIndex } from './index.ts';
import { SqlArtifactIndex } from './sql_index.ts';
import { openSqlite } from './sqlite_database.ts';

/**
 * The index in a file of the cache's own folder.
 *
 * @param dataDir Made when absent.
 */
export async function openArtifactIndex(dataDir: string): Promise<ArtifactIndex> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  return new SqlArtifactIndex(openSqlite(join(dataDir, 'artifacts.sqlite')));
}
