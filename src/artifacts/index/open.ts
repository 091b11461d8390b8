import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { PostgresOptions } from '../../cache/index/postgres/options.ts';
import type { ArtifactIndex } from './index.ts';
import { SqlArtifactIndex } from './sql_index.ts';
import { openSqlite } from './sqlite_database.ts';

/**
 * The index where the cache's is: in a file of its folder, or in PostgreSQL.
 *
 * @param dataDir Made when absent.
 */
export async function openArtifactIndex(
  dataDir: string,
  postgres?: { options: PostgresOptions; log: Logger } | undefined,
): Promise<ArtifactIndex> {
  if (postgres !== undefined) {
    // Loaded where it is used, as its driver is.
    const { openPostgres } = await import('./postgres_database.ts');
    return new SqlArtifactIndex(await openPostgres(postgres.options, postgres.log));
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  return new SqlArtifactIndex(openSqlite(join(dataDir, 'artifacts.sqlite')));
}
