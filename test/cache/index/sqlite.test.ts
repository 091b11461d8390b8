import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { SqliteFile } from '../../../src/cache/index/sqlite/file.ts';
import { finding } from '../../../src/cache/index/sqlite/find.ts';
import { managing } from '../../../src/cache/index/sqlite/manage.ts';
import { STEPS } from '../../../src/cache/index/sqlite/migrations.ts';
import { reading } from '../../../src/cache/index/sqlite/read.ts';
import { removing } from '../../../src/cache/index/sqlite/remove.ts';
import { saving } from '../../../src/cache/index/sqlite/save.ts';
import { SqliteIndex } from '../../../src/cache/index/sqlite.ts';
import { indexConformance } from '../index_conformance.ts';

const folder = mkdtempSync(join(tmpdir(), 'harrier-index-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

indexConformance('the index in memory', async () => new SqliteIndex(':memory:'));

describe('the index in a file', () => {
  it('still has its entries when opened again', async () => {
    const path = join(folder, `${++files}.sqlite`);
    const first = new SqliteIndex(path);
    const part = { number: 1, blob: 'b', sizeBytes: 1 };
    await first.reserve('t', { uploadId: 'u', scope: 's', key: 'k', version: 'a', pool: 'p', now: 1 });
    await first.addParts('t', 'u', [part], 1);
    await first.commit('t', 'u', [part], 1);
    await first.close();
    const second = new SqliteIndex(path);
    expect(await second.find('t', 'a', [{ scope: 's', key: 'k' }])).toBeDefined();
    await second.close();
  });

  it('takes a file of the first schema over: entries, open uploads, usage and whose they are', async () => {
    const path = join(folder, `${++files}.sqlite`);
    const old = new DatabaseSync(path);
    old.exec(STEPS[0] ?? '');
    old.exec(`PRAGMA user_version = 1;
      INSERT INTO spaces VALUES (1, 'ns/pool', 'main', 'a'), (2, 'ns/forge.test/acme/app', 'main', 'a');
      INSERT INTO entries (id, space, key, upload, active_at, sequence, size, used_at) VALUES
        (1, 1, 'done', 'u1', 1, 1, 30, 5), (2, 2, 'done', 'u2', 1, 2, 12, 6), (3, 1, 'open', 'u3', 7, NULL, 0, 0);
      INSERT INTO contents VALUES (1, 0, 1, 'b1', 30), (2, 0, 1, 'b2', 12);
      INSERT INTO parts VALUES (3, 1, 'b3', 8);`);
    old.close();

    const index = new SqliteIndex(path);
    expect(await index.usages()).toEqual([
      { tenant: 'ns/forge.test/acme/app', pool: '', entries: 1, sizeBytes: 12 },
      { tenant: 'ns/pool', pool: 'ns/pool', entries: 1, sizeBytes: 30 },
    ]);
    expect((await index.leastRecentlyUsed({}, 9)).map(({ id }) => id)).toEqual(['1', '2']);
    expect((await index.content('ns/pool', '1'))?.blobs).toEqual([{ blob: 'b1', sizeBytes: 30 }]);
    const part = { number: 1, blob: 'b3', sizeBytes: 8 };
    expect(await index.parts('ns/pool', 'u3')).toEqual([part]);
    expect((await index.commit('ns/pool', 'u3', [part], 9))?.entry.id).toBe('3');
    expect(await index.usage({ pool: 'ns/pool' })).toEqual({ entries: 2, sizeBytes: 38 });
    await index.remove('ns/forge.test/acme/app', ['2']);
    expect(await index.usage({})).toEqual({ entries: 2, sizeBytes: 38 });
    await index.close();
  });

  it('refuses a file that a newer version wrote, and leaves it alone', () => {
    const path = join(folder, `${++files}.sqlite`);
    const newer = new DatabaseSync(path);
    newer.exec('PRAGMA user_version = 999');
    newer.close();
    expect(() => new SqliteIndex(path)).toThrow('schema 999');
    const again = new DatabaseSync(path);
    expect(again.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n).toBe(0);
    again.close();
  });

  it('finds the newest of a prefix without reading what lies before or after it', async () => {
    // Old keys of the prefix under many newer ones of another: neither way alone is short for both prefixes.
    const index = new SqliteIndex(':memory:');
    const save = async (key: string) => {
      const asked = { uploadId: key, scope: 's', key, version: 'a', pool: 'p', now: 1 };
      await index.reserve('t', asked);
      await index.addParts('t', key, [{ number: 1, blob: key, sizeBytes: 1 }], 1);
      await index.commit('t', key, [{ number: 1, blob: key, sizeBytes: 1 }], 1);
    };
    for (let n = 0; n < 40; n++) await save(`old-${n}`);
    for (let n = 0; n < 3000; n++) await save(`new-${n}`);
    const find = async (key: string) => (await index.find('t', 'a', [{ scope: 's', key }]))?.key;
    expect([await find('old-'), await find('new-'), await find('o')]).toEqual([
      'old-39',
      'new-2999',
      'old-39',
    ]);
    await index.close();
  });

  it('uses an index for every statement that is asked often', async () => {
    const path = join(folder, `${++files}.sqlite`);
    const file = new SqliteFile(path);
    const asked: string[] = [];
    const prepare = file.prepare.bind(file);
    file.prepare = (sql) => {
      asked.push(sql);
      return prepare(sql);
    };
    for (const part of [finding, reading, saving, removing, managing]) part(file);
    file.close();
    const db = new DatabaseSync(path);
    const scans = asked.filter((sql) =>
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .some((step) => /^SCAN (?!\(subquery|CONSTANT)(?!.*USING)/.test(String(step.detail))),
    );
    // What asks for everybody's sums or longest quarantines may.
    expect(scans.filter((sql) => !sql.includes('FROM owners WHERE entries > 0'))).toEqual([]);
    expect(asked.length).toBeGreaterThan(30);
    db.close();
  });
});
