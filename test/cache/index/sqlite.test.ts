import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
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

  it('uses an index for every statement of a look-up', async () => {
    const path = join(folder, `${++files}.sqlite`);
    await new SqliteIndex(path).close();
    const db = new DatabaseSync(path);
    const plan = (sql: string): string =>
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map((step) => String(step.detail))
        .join('\n');
    expect(
      plan('SELECT id FROM entries WHERE space = 1 AND key >= 1 AND key < 2 ORDER BY key LIMIT 2'),
    ).toContain('(space=? AND key>? AND key<?)');
    const newest = plan(
      `SELECT id, size FROM entries INDEXED BY entries_newest
       WHERE space = 1 AND sequence IS NOT NULL AND key >= 'a' AND key < 'b' ORDER BY sequence DESC LIMIT 1`,
    );
    expect(newest).toContain('USING INDEX entries_newest (space=?');
    expect(newest).not.toContain('TEMP B-TREE');
    db.close();
  });
});
