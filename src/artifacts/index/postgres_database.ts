import type { Logger } from 'pino';
import { type Answer, PostgresDatabase, type Statement } from '../../cache/index/postgres/database.ts';
import { migrate } from '../../cache/index/postgres/migrate.ts';
import type { PostgresOptions } from '../../cache/index/postgres/options.ts';
import type { Database, Sql, Value } from './database.ts';
import { POSTGRES_STEPS } from './migrations.ts';

type Ask = (statement: Statement, ...values: Value[]) => Promise<Answer<Record<string, unknown>>>;

/** The tables of artifacts beside those of the cache's index, for any number of processes. */
export async function openPostgres(options: PostgresOptions, log: Logger): Promise<Database> {
  const db = new PostgresDatabase(options, log);
  try {
    await migrate(db, 'artifacts', POSTGRES_STEPS);
  } catch (error) {
    await db.close();
    throw error;
  }
  const sqlBy = (ask: Ask): Sql => ({
    all: async (text, ...values) => (await ask({ text: translated(text, db.schema) }, ...values)).rows,
    run: async (text, ...values) => (await ask({ text: translated(text, db.schema) }, ...values)).count,
  });
  return {
    ...sqlBy((statement, ...values) => db.write(statement, ...values)),
    forUpdate: ' FOR UPDATE',
    transaction: (work) => db.transaction((query) => work(sqlBy(query))),
    close: () => db.close(),
  };
}

/** The statements have no `?` but for values. */
function translated(text: string, schema: string): string {
  let values = 0;
  return inSchema(text, schema).replace(/\?/g, () => `$${++values}`);
}

/** The statements name their tables without a schema, as SQLite has none. */
function inSchema(text: string, schema: string): string {
  return text.replace(
    /\b(FROM|INTO|UPDATE|JOIN) (artifacts|artifact_parts|artifact_contents)\b/g,
    (_all, before: string, table: string) => `${before} ${schema}.${table}`,
  );
}
