import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import pino from 'pino';
import { startPostgres } from '../../../hack/servers/postgres.ts';
import type { Blobs } from '../../../src/cache/blobs/blobs.ts';
import { FolderBlobs } from '../../../src/cache/blobs/folder.ts';
import { S3Blobs } from '../../../src/cache/blobs/s3/s3_blobs.ts';
import type { CacheIndex } from '../../../src/cache/index/index.ts';
import { openPostgresIndex } from '../../../src/cache/index/postgres.ts';
import { SqliteIndex } from '../../../src/cache/index/sqlite.ts';
import type { CacheOptions } from '../../../src/cache/open.ts';
import { startS3Server } from '../../support/s3_server.ts';

/** An index and a place for the bytes, as one kind of installation has them. */
export interface StorePair {
  readonly name: string;
  /** What openCache needs for them; JSON. */
  readonly options: Omit<CacheOptions, 'clock' | 'log'>;
  /** For a look inside when no api has them open; the index is to be closed. */
  open(): Promise<{ index: CacheIndex; blobs: Blobs }>;
  /** Names of all that is stored, finished and unfinished. */
  stored(): Promise<string[]>;
  remove(): Promise<void>;
}

export async function embedded(): Promise<StorePair> {
  const dataDir = await mkdtemp(join(tmpdir(), 'harrier-faults-'));
  return {
    name: 'SQLite and a folder',
    options: { dataDir },
    open: async () => ({
      index: new SqliteIndex(join(dataDir, 'cache.sqlite')),
      blobs: await FolderBlobs.open(join(dataDir, 'blobs')),
    }),
    async stored() {
      const found = await readdir(join(dataDir, 'blobs'), { recursive: true, withFileTypes: true });
      return found.filter((file) => file.isFile()).map((file) => file.name);
    },
    remove: () => rm(dataDir, { recursive: true, force: true }),
  };
}

/** For several replicas of the api. */
export async function shared(): Promise<StorePair> {
  const [server, bucket] = await Promise.all([startPostgres(), startS3Server()]);
  const dataDir = await mkdtemp(join(tmpdir(), 'harrier-faults-'));
  const postgres: NonNullable<CacheOptions['postgres']> = {
    host: server.host,
    port: server.port,
    database: server.database,
    user: server.user,
    passwordFile: server.passwordFile,
    schema: 'harrier',
    tls: 'disable',
    poolSize: 5,
  };
  return {
    name: 'PostgreSQL and S3',
    options: { dataDir, postgres, s3: bucket.options },
    open: async () => ({
      index: await openPostgresIndex(postgres, pino({ level: 'silent' })),
      blobs: await S3Blobs.open(bucket.options),
    }),
    stored: async () => (await bucket.keys()).map((key) => basename(key)),
    async remove() {
      await Promise.all([server.stop(), bucket.stop()]);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
