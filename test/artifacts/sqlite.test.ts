import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { openArtifactIndex } from '../../src/artifacts/index/open.ts';
import { SqlArtifactIndex } from '../../src/artifacts/index/sql_index.ts';
import { openSqlite } from '../../src/artifacts/index/sqlite_database.ts';
import { describeArtifactIndex } from './index_conformance.ts';

describeArtifactIndex('SQLite', async () => new SqlArtifactIndex(openSqlite(':memory:')));

it('is kept in the data folder, and refused when a newer Harrier wrote it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'harrier-artifacts-'));
  try {
    const first = await openArtifactIndex(folder);
    const named = {
      ...{ uploadId: 'u', run: 'r', job: 'j', name: 'n', mimeType: 'text/plain' },
      ...{ expiresAt: 2, now: 1 },
    };
    await first.reserve('a', named);
    await first.close();
    const second = await openArtifactIndex(folder);
    expect(await second.upload('a', 'u')).toEqual({ run: 'r' });
    await second.close();
    const file = new DatabaseSync(join(folder, 'artifacts.sqlite'));
    file.exec('PRAGMA user_version = 99');
    file.close();
    await expect(openArtifactIndex(folder)).rejects.toThrow('has schema 99');
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('lets nobody see or join a transaction under way, and undoes one that fails', async () => {
  const db = openSqlite(':memory:');
  const insert = (name: string) =>
    `INSERT INTO artifacts (tenant, run, job, name, upload, mime_type, active_at, expires_at) VALUES ('a', 'r', 'j', '${name}', '${name}', '', 0, 0)`;
  const failing = db.transaction(async (sql) => {
    await sql.run(insert('one'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    throw new Error('no');
  });
  const beside = db.run(insert('two'));
  await expect(failing).rejects.toThrow('no');
  await beside;
  expect(await db.all('SELECT name FROM artifacts')).toEqual([{ name: 'two' }]);
  await db.close();
});
