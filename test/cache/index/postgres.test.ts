import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAuthority } from '../../../hack/cluster/pki.ts';
import { type PostgresServer, startPostgres, whyNoPostgres } from '../../../hack/servers/postgres.ts';
import type { PostgresOptions } from '../../../src/cache/index/postgres/options.ts';
import { openPostgresIndex, type PostgresIndex } from '../../../src/cache/index/postgres.ts';
import { IndexUnavailable } from '../../../src/cache/index/unavailable.ts';
import { indexConformance } from '../index_conformance.ts';

const reason = whyNoPostgres();
const log = pino({ level: 'silent' });
let folder: string;
let caFile: string;
let server: PostgresServer;
let admin: pg.Pool;
let schemas = 0;

function options(more: Partial<PostgresOptions> = {}): PostgresOptions {
  const { host, port, database, user, passwordFile } = server;
  const where = { host, port, database, user, passwordFile };
  return { ...where, schema: `an index ${++schemas}`, tls: 'disable', poolSize: 8, ...more };
}
const asked = (key: string) => ({
  uploadId: `of ${key}`,
  scope: 's',
  key,
  version: 'a',
  pool: 'ns/p',
  now: 1,
});
async function save(index: PostgresIndex, key: string): Promise<void> {
  const parts = [{ number: 1, blob: `blob of ${key}`, sizeBytes: 3 }];
  await index.reserve('t', asked(key));
  await index.addParts('t', `of ${key}`, parts, 1);
  expect(await index.commit('t', `of ${key}`, parts, 1)).toBeDefined();
}
const find = (index: PostgresIndex, key: string) => index.find('t', 'a', [{ scope: 's', key }]);

describe.skipIf(reason !== undefined)(`PostgreSQL${reason === undefined ? '' : `: ${reason}`}`, () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'harrier-postgres-test-'));
    const authority = await openAuthority(folder, 'ca');
    caFile = authority.caFile;
    const issued = await authority.issue({ file: 'server', commonName: 'db', hosts: ['127.0.0.1'] });
    const tls = {
      certificate: await readFile(issued.certFile, 'utf8'),
      key: await readFile(issued.keyFile, 'utf8'),
    };
    server = await startPostgres({ settings: ['fsync = off'], tls });
    const { host, port, database, user, password } = server;
    admin = new pg.Pool({ host, port, database, user, password });
    admin.on('error', () => undefined);
  }, 300_000);
  afterAll(async () => {
    await admin?.end();
    await server?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  describe('does what every index does', () => {
    let shared: PostgresIndex;
    beforeAll(async () => {
      shared = await openPostgresIndex(options({ schema: 'shared' }), log);
    }, 60_000);
    afterAll(() => shared?.close());

    indexConformance(
      'the index in PostgreSQL',
      async () => {
        const tables = ['entries', 'spaces', 'owners', 'creations', 'quarantined'];
        await admin.query(tables.map((table) => `DELETE FROM shared.${table};`).join(''));
        return { ...shared, close: async () => undefined };
      },
      12,
    );
  });

  it('is made once by four processes that start at once on an empty database, with one signing key', {
    timeout: 60_000,
  }, async () => {
    const told = JSON.stringify(options());
    const starts = Array.from({ length: 4 }, async () => {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'open_postgres.ts'), told], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [printed, [code]] = await Promise.all([buffer(child.stdout), once(child, 'exit')]);
      expect(code).toBe(0);
      return printed.toString();
    });
    const keys = await Promise.all(starts);
    expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(keys).size).toBe(1);
  });

  it('refuses a schema that a newer version wrote, and leaves it alone', async () => {
    const where = options({ schema: 'newer' });
    await (await openPostgresIndex(where, log)).close();
    await admin.query("INSERT INTO newer.migrations (part, step) VALUES ('cache', 99)");
    await expect(openPostgresIndex(where, log)).rejects.toThrow('schema 2, this Harrier knows up to 1');
  });

  it('lets one of two replicas win a key, and shows each what the other saved and removed', async () => {
    const where = options();
    const [one, other] = [await openPostgresIndex(where, log), await openPostgresIndex(where, log)];
    for (let round = 0; round < 10; round++) {
      const tries = await Promise.all(
        [one, other, one, other].map((index, n) =>
          index.reserve('t', { ...asked(`key ${round}`), uploadId: `${round} ${n}` }),
        ),
      );
      expect(tries.filter(({ outcome }) => outcome === 'reserved')).toHaveLength(1);
    }
    await save(one, 'k');
    const found = await find(other, 'k');
    await find(one, 'k');
    await other.remove('t', [found?.id ?? '']);
    expect(await find(one, 'k')).toBeUndefined();
    await Promise.all([one.close(), other.close()]);
  });

  it('keeps counts right and blocks nobody for good while two replicas save and remove in all directions', {
    timeout: 60_000,
  }, async () => {
    const where = options();
    const replicas = [await openPostgresIndex(where, log), await openPostgresIndex(where, log)];
    const pools = ['ns/a', 'ns/b', 'ns/c'];
    await Promise.all(
      replicas.flatMap((index, replica) =>
        pools.map(async (_, shift) => {
          for (let n = 0; n < 12; n++) {
            const uploadId = `${replica} ${shift} ${n}`;
            const pool = pools[(n + shift) % 3] ?? '';
            const part = { number: 1, blob: uploadId, sizeBytes: 1 };
            await index.reserve('t', { ...asked(uploadId), uploadId, version: `${n % 2}`, pool });
            await index.addParts('t', uploadId, [part], 1);
            await index.commit('t', uploadId, [part], 1);
            const old = await index.leastRecentlyUsed({ tenant: 't' }, 4);
            if (n % 3 === 2)
              await index.remove(
                't',
                old.map(({ id }) => id),
              );
          }
        }),
      ),
    );
    const [index] = replicas;
    const counted = await admin.query(`SELECT count(*)::int AS entries FROM "${where.schema}".entries`);
    expect(await index?.usage({})).toEqual({
      entries: counted.rows[0].entries,
      sizeBytes: counted.rows[0].entries,
    });
    expect(counted.rows[0].entries).toBeGreaterThan(0);
    await Promise.all(replicas.map((replica) => replica.close()));
  });

  it('finds by indexes alone, also by a plan from when the tables were empty', async () => {
    const where = options({ poolSize: 1 });
    const index = await openPostgresIndex(where, log);
    // As often as makes a connection keep a plan; of an empty table any plan may read all there is.
    const whileEmpty = 8;
    for (let n = 0; n < whileEmpty; n++) expect(await find(index, 'old-')).toBeUndefined();
    const s = `"${where.schema}"`;
    await admin.query(`
      INSERT INTO ${s}.spaces (tenant, scope, version) VALUES ('t', 's', 'a');
      INSERT INTO ${s}.owners (tenant, pool) VALUES ('t', 'ns/p');
      INSERT INTO ${s}.entries (space, owner, key, upload, active_at, sequence)
        SELECT spaces.id, owners.id, CASE WHEN n <= 40 THEN 'old-' ELSE 'new-' END || n, n, 1, n
        FROM ${s}.spaces, ${s}.owners, generate_series(1, 20000) AS n;`);
    for (let n = 0; n < 11; n++) {
      expect((await find(index, 'old-'))?.key).toBe('old-40');
      expect((await find(index, 'new-'))?.key).toBe('new-20000');
    }
    // A connection tells the server's statistics all that it did before it is gone, and else at a time of its own.
    await index.close();
    const others = 'SELECT count(*)::int AS open FROM pg_stat_activity WHERE backend_type = $1 AND pid <> ';
    const open = async () =>
      (await admin.query(`${others} pg_backend_pid()`, ['client backend'])).rows[0].open;
    await expect.poll(open).toBe(0);
    const { rows } = await admin.query(
      'SELECT seq_scan::int AS scans FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = $2',
      [where.schema, 'entries'],
    );
    // Each of the two questions was asked more often than that.
    expect(rows[0].scans).toBeLessThanOrEqual(whileEmpty);
  });

  it('fails cleanly while the server is away, and goes on when it is back, with all that was committed', {
    timeout: 120_000,
  }, async () => {
    const index = await openPostgresIndex(options(), log);
    await save(index, 'before');
    // Many at once, so that connections break that are in use and such as are not.
    let going = true;
    const outcomes = { found: 0, unavailable: 0 };
    const askers = Array.from({ length: 8 }, async (_, n) => {
      for (let turn = 0; going; turn++) {
        try {
          if (n % 2 === 0) await find(index, 'before');
          else await save(index, `during ${n} ${turn}`);
          outcomes.found++;
        } catch (error) {
          expect(error).toBeInstanceOf(IndexUnavailable);
          outcomes.unavailable++;
        }
        await sleep(5);
      }
    });
    const until = async (holds: () => Promise<boolean> | boolean) => {
      while (!(await holds())) await sleep(20);
    };
    const ready = () =>
      index.ready().then(
        () => true,
        () => false,
      );
    await until(() => outcomes.found > 20);
    for (const signal of ['SIGQUIT', 'SIGINT'] as const) {
      await server.halt(signal);
      const failed = outcomes.unavailable;
      await until(() => outcomes.unavailable > failed + 8);
      expect(await ready()).toBe(false);
      await server.resume();
      await until(ready);
      const answered = outcomes.found;
      await until(() => outcomes.found > answered + 8);
    }
    going = false;
    await Promise.all(askers);
    expect(await find(index, 'before')).toBeDefined();
    const { total, entries } = await index.list('t', ['s'], 'during', 10_000);
    expect(entries).toHaveLength(total);
    for (const { id } of entries) expect((await index.content('t', id))?.blobs).toHaveLength(1);
    await index.close();
  });

  it('reads the password from its file anew for each connection, and never tells it', async () => {
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, `${server.password}\n`);
    const lines: string[] = [];
    const told = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const index = await openPostgresIndex(options({ passwordFile }), told);
    await writeFile(passwordFile, 'a-wrong-password');
    await admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'harrier'",
    );
    const failed = await find(index, 'k').catch((error: Error) => error);
    expect(failed).toBeInstanceOf(IndexUnavailable);
    expect(String((failed as Error).cause)).toContain('password authentication failed');
    await writeFile(passwordFile, server.password);
    expect(await find(index, 'k')).toBeUndefined();
    const all = `${lines.join()}${JSON.stringify(failed)}${(failed as Error).stack}${(failed as Error).cause}`;
    expect(all).not.toContain(server.password);
    expect(all).not.toContain('a-wrong-password');
    await index.close();
  });

  it('proves the server by its certificate, when told to', async () => {
    await (await openPostgresIndex(options({ tls: 'verify-full', caFile }), log)).close();
    await (await openPostgresIndex(options({ tls: 'require' }), log)).close();
    const refused = (more: Partial<PostgresOptions>) =>
      openPostgresIndex(options(more), log).then(
        () => undefined,
        (error: Error) => String(error.cause),
      );
    expect(await refused({ tls: 'verify-full' })).toMatch(/certificate/);
    expect(await refused({ tls: 'verify-full', caFile, host: 'localhost' })).toMatch(/altnames/);
  });

  it('needs no right to make schemas where there is one for it', async () => {
    await admin.query(`
      CREATE ROLE tenant LOGIN PASSWORD 'of-the-tenant'; CREATE SCHEMA granted AUTHORIZATION tenant;`);
    const passwordFile = join(folder, 'tenant');
    await writeFile(passwordFile, 'of-the-tenant');
    await chmod(passwordFile, 0o400);
    const index = await openPostgresIndex(options({ user: 'tenant', passwordFile, schema: 'granted' }), log);
    await save(index, 'k');
    expect(await find(index, 'k')).toBeDefined();
    await index.close();
    await expect(openPostgresIndex(options({ user: 'tenant', passwordFile }), log)).rejects.toThrow('denied');
  });

  it.each(['a\0b', '\ud800'])('has nothing that is called %j', async (text) => {
    const index = await openPostgresIndex(options(), log);
    expect(await find(index, text)).toBeUndefined();
    expect((await index.list('t', ['s'], text, 1)).total).toBe(0);
    expect((await index.page({ tenant: text }, {}, { by: 'sizeBytes', descending: true }, 0, 1)).total).toBe(
      0,
    );
    expect((await index.usage({ pool: text })).entries).toBe(0);
    await index.close();
  });
});
