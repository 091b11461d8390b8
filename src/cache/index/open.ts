import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { loadSigningKey } from '../blobs/signing_key.ts';
import type { CacheIndex } from './index.ts';
import type { PostgresOptions } from './postgres/options.ts';
import { SqliteIndex } from './sqlite.ts';

export interface OpenedIndex {
  readonly index: CacheIndex;
  /** Signs URLs, for whoever shares the index. */
  readonly signingKey: KeyObject;
}

/** The index in PostgreSQL when one is named, else in a file of the folder. The library is loaded where it is used. */
export async function openIndex(
  dataDir: string,
  postgres: PostgresOptions | undefined,
  log: Logger,
): Promise<OpenedIndex> {
  if (postgres === undefined) {
    const signingKey = await loadSigningKey(dataDir);
    return { index: new SqliteIndex(join(dataDir, 'cache.sqlite')), signingKey };
  }
  const { openPostgresIndex } = await import('./postgres.ts');
  const index = await openPostgresIndex(postgres, log);
  return { index, signingKey: index.signingKey };
}
