import type { KeyObject } from 'node:crypto';
import type { Logger } from 'pino';
import type { CacheIndex } from './index.ts';
import { PostgresDatabase } from './postgres/database.ts';
import { keeping } from './postgres/keep.ts';
import { managing } from './postgres/manage.ts';
import { migrate } from './postgres/migrate.ts';
import type { PostgresOptions } from './postgres/options.ts';
import { reading } from './postgres/read.ts';
import { removing } from './postgres/remove.ts';
import { saving } from './postgres/save.ts';
import { STEPS } from './postgres/schema.ts';
import { sharedSigningKey } from './postgres/signing_key.ts';

export interface PostgresIndex extends CacheIndex {
  /** Signs the URLs of all replicas. */
  readonly signingKey: KeyObject;
}

/**
 * The index in PostgreSQL, for any number of processes at once. What it can't answer because the server is away it
 * throws as IndexUnavailable; it goes on by itself when the server is back. Throws the same when the server isn't there
 * at the start.
 */
export async function openPostgresIndex(options: PostgresOptions, log: Logger): Promise<PostgresIndex> {
  const db = new PostgresDatabase(options, log);
  try {
    await migrate(db, 'cache', STEPS);
    const signingKey = await sharedSigningKey(db);
    return {
      ...reading(db),
      ...saving(db),
      ...keeping(db),
      ...managing(db),
      ...removing(db),
      signingKey,
      close: () => db.close(),
    };
  } catch (error) {
    await db.close();
    throw error;
  }
}
