import { randomInt, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { pino } from 'pino';
import { startPostgres, whyNoPostgres } from '../hack/servers/postgres.ts';
import type { CacheIndex, Probe } from '../src/cache/index/index.ts';
import { openPostgresIndex } from '../src/cache/index/postgres.ts';
import { SqliteIndex } from '../src/cache/index/sqlite.ts';
import { probes } from '../src/cache/lookup.ts';
import { type Figure, median, percentile } from './statistics.ts';

const FEW = 1_000;
const MANY = 1_000_000;
/** Entries of a repository; half of all entries are in one repository all the same, however many there are. */
const OF_A_REPOSITORY = 100;
const ROUNDS = 7;
const GOAL = 1.3;
const VERSION = 'a1b2c3';
const SCOPES = ['refs/pull/7/merge', 'refs/heads/main'];

/**
 * How much longer a look-up takes among a million entries than among a thousand, for both indexes. Each question is
 * asked once, as after each new commit: nothing is answered from the memory of an earlier one.
 */
export async function lookupScale(note: (text: string) => void): Promise<Figure[]> {
  const figures = await ofSqlite(note);
  const reason = whyNoPostgres();
  if (reason !== undefined) note(`without PostgreSQL: ${reason}`);
  return reason === undefined ? [...figures, ...(await ofPostgres(note))] : figures;
}

async function ofSqlite(note: (text: string) => void): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'harrier-lookups-'));
  try {
    const filled = async (entries: number) => {
      note(`filling SQLite with ${entries} entries`);
      const path = join(folder, `${entries}.sqlite`);
      // The schema is the index's own; the rows come by one statement instead of by a million transactions.
      await new SqliteIndex(path).close();
      const db = new DatabaseSync(path);
      db.exec(`PRAGMA cache_size = -400000; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;
        BEGIN; ${inSqlite(entries)} COMMIT; PRAGMA wal_checkpoint(TRUNCATE);`);
      db.close();
      return new SqliteIndex(path);
    };
    const [few, many] = [await filled(FEW), await filled(MANY)];
    const figures = await compare('SQLite', few, many, 4_000);
    await Promise.all([few.close(), many.close()]);
    return figures;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function ofPostgres(note: (text: string) => void): Promise<Figure[]> {
  const server = await startPostgres();
  try {
    const { host, port, database, user, password, passwordFile } = server;
    const filled = async (entries: number) => {
      note(`filling PostgreSQL with ${entries} entries`);
      const where = { host, port, database, user, passwordFile, schema: `of_${entries}` };
      const log = pino({ level: 'silent' });
      const index = await openPostgresIndex({ ...where, tls: 'disable', poolSize: 2 }, log);
      const client = new pg.Client({ host, port, database, user, password });
      await client.connect();
      await client.query(inPostgres(entries, where.schema));
      await client.query('VACUUM ANALYZE');
      await client.end();
      return index;
    };
    const [few, many] = [await filled(FEW), await filled(MANY)];
    const figures = await compare('PostgreSQL', few, many, 1_000);
    await Promise.all([few.close(), many.close()]);
    return figures;
  } finally {
    await server.stop();
  }
}

/** The n-th entry: whose it is, and its key. Both ways of SQL say the same. */
const TENANT = `CASE WHEN n % 2 = 0 THEN 'ns/forge.test/acme/large'
  ELSE 'ns/forge.test/acme/app-' || CAST(n / ${OF_A_REPOSITORY * 2} AS TEXT) END`;
const SCOPE = `CASE WHEN n % 5 = 0 THEN '${SCOPES[0]}' ELSE '${SCOPES[1]}' END`;

function keyOf(n: number): string {
  return `npm-linux-${n % 50}-${(n * 2_654_435_761) % 4_294_967_296}`;
}
const KEY = `'npm-linux-' || CAST(n % 50 AS TEXT) || '-' || CAST(n * 2654435761 % 4294967296 AS TEXT)`;

const inSqlite = (entries: number) => `
  CREATE TEMP TABLE made AS WITH RECURSIVE counted (n) AS
    (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ${entries})
    SELECT n, ${TENANT} AS tenant, ${SCOPE} AS scope, ${KEY} AS key FROM counted;
  INSERT INTO spaces (tenant, scope, version) SELECT DISTINCT tenant, scope, '${VERSION}' FROM made;
  INSERT INTO owners (tenant, pool) SELECT DISTINCT tenant, 'ns/pool' FROM made;
  INSERT INTO entries (space, owner, key, upload, active_at, sequence, size, created_at, used_at, durable)
    SELECT spaces.id, owners.id, key, 'upload ' || n, n, n, 1000, n, n, 1
    FROM made JOIN spaces USING (tenant, scope) JOIN owners USING (tenant);`;

const inPostgres = (entries: number, s: string) => `
  CREATE TEMP TABLE made AS SELECT n, ${TENANT} COLLATE "C" AS tenant, ${SCOPE} COLLATE "C" AS scope, ${KEY} AS key
    FROM generate_series(1::bigint, ${entries}) AS n;
  INSERT INTO ${s}.spaces (tenant, scope, version) SELECT DISTINCT tenant, scope, '${VERSION}' FROM made;
  INSERT INTO ${s}.owners (tenant, pool) SELECT DISTINCT tenant, 'ns/pool' FROM made;
  INSERT INTO ${s}.entries (space, owner, key, upload, active_at, sequence, size, created_at, used_at, durable)
    SELECT spaces.id, owners.id, key, 'upload ' || n, n, n, 1000, n, n, true
    FROM made JOIN ${s}.spaces USING (tenant, scope) JOIN ${s}.owners USING (tenant);`;

interface Question {
  readonly tenant: string;
  readonly probes: Probe[];
  readonly hits: boolean;
}

/** An exact hit, a restore by the beginning of a key, or a miss; of the large repository or of another. */
function question(entries: number): Question {
  const n = randomInt(1, entries + 1);
  const tenant =
    n % 2 === 0
      ? 'ns/forge.test/acme/large'
      : `ns/forge.test/acme/app-${Math.floor(n / (OF_A_REPOSITORY * 2))}`;
  const never = `none-${randomUUID()}`;
  const kind = randomInt(4);
  if (kind < 2) return { tenant, probes: probes(SCOPES, [keyOf(n), never]), hits: true };
  if (kind === 2) return { tenant, probes: probes(SCOPES, [never, `npm-linux-${n % 50}-`]), hits: true };
  return { tenant, probes: probes(SCOPES, [never, `${never}-2`]), hits: false };
}

/** Rounds by turns, so that what else the machine does falls on both. */
async function compare(name: string, few: CacheIndex, many: CacheIndex, asks: number): Promise<Figure[]> {
  const sides = [
    { index: few, entries: FEW, samples: [] as number[], means: [] as number[] },
    { index: many, entries: MANY, samples: [] as number[], means: [] as number[] },
  ] as const;
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { index, entries, samples, means } of sides) {
      const taken = await askOften(index, entries, asks);
      // The first round fills the caches.
      if (round === 0) continue;
      samples.push(...taken);
      means.push(median(taken));
    }
  }
  const [small, large] = sides;
  const ratios = small.means.map((mean, round) => (large.means[round] ?? Number.NaN) / mean);
  const ratio = median(ratios);
  const micro = (milliseconds: number) => (milliseconds * 1000).toFixed(0);
  const p99 = (samples: readonly number[]) => micro(percentile(samples, 0.99));
  return [
    {
      name: `look-up in ${name}, ${MANY} entries against ${FEW}`,
      value: `${ratio.toFixed(2)} times (${micro(median(large.means))} against ${micro(median(small.means))} us; p99 ${p99(large.samples)} against ${p99(small.samples)})`,
      goal: { text: `<= ${GOAL}`, met: ratio <= GOAL },
    },
  ];
}

/** Milliseconds of each look-up. Throws when an answer is wrong: a fast miss would be a good figure. */
async function askOften(index: CacheIndex, entries: number, asks: number): Promise<number[]> {
  const questions = Array.from({ length: asks }, () => question(entries));
  const samples: number[] = [];
  for (const { tenant, probes: asked, hits } of questions) {
    const began = performance.now();
    const found = await index.find(tenant, VERSION, asked);
    samples.push(performance.now() - began);
    if ((found !== undefined) !== hits)
      throw new Error(`${tenant}: ${JSON.stringify(asked)} is ${found?.key}`);
  }
  return samples;
}
