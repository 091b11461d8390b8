import type { PostgresDatabase } from './database.ts';

/** For waiting until another replica has done it, and for steps over many rows; in ms. */
const PATIENCE = 300_000;

/**
 * Brings the tables of one part to their newest shape, under a lock that lets one process at a time do it, however
 * many start at once. Throws when a newer Harrier was here.
 *
 * @param part Whose steps they are; each counts its own.
 * @param steps Statements for the quoted name of the schema. A step that is released is never changed.
 */
export async function migrate(
  db: PostgresDatabase,
  part: string,
  steps: readonly ((schema: string) => string)[],
): Promise<void> {
  const s = db.schema;
  await db.transaction(async (query) => {
    await query({ text: `SET LOCAL statement_timeout = ${PATIENCE}` });
    // Let go of with the transaction, also when its process is killed.
    await query({ text: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))' }, `harrier schema ${s}`);
    const encoded = await query<{ server_encoding: string }>({ text: 'SHOW server_encoding' });
    const encoding = encoded.rows[0]?.server_encoding;
    if (encoding !== 'UTF8') throw new Error(`the database's encoding is ${encoding}; it must be UTF8`);
    // Asked first, because IF NOT EXISTS needs the right to create schemas even where there is nothing to create.
    const there = await query({ text: 'SELECT FROM pg_namespace WHERE nspname = $1' }, db.schemaName);
    if (there.count === 0) await query({ text: `CREATE SCHEMA ${s}` });
    await query({
      text: `CREATE TABLE IF NOT EXISTS ${s}.migrations (part text, step integer,
        done_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (part, step))`,
    });
    const found = await query<{ done: number }>(
      { text: `SELECT count(*)::integer AS done FROM ${s}.migrations WHERE part = $1` },
      part,
    );
    const done = found.rows[0]?.done ?? 0;
    if (done > steps.length) {
      throw new Error(
        `the ${part} in PostgreSQL has schema ${done}, this Harrier knows up to ${steps.length}`,
      );
    }
    for (const [position, step] of steps.entries()) {
      if (position < done) continue;
      await query({ text: step(s) });
      await query({ text: `INSERT INTO ${s}.migrations (part, step) VALUES ($1, $2)` }, part, position + 1);
    }
  });
}
