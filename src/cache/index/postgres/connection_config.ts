import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import type { PostgresOptions } from './options.ts';

/** How long a connection may take, the wait for a free one included, in ms. */
const CONNECT_TIMEOUT = 5_000;
/** The server gives a statement up after this long, in ms. */
const STATEMENT_TIMEOUT = 10_000;
/** We give it up a little later, for servers that don't answer at all. */
const ANSWER_TIMEOUT = 12_000;

/** What the library is told. The password is in it as a question to a file: asked for each new connection. */
export function connectionConfig(options: PostgresOptions): pg.PoolConfig {
  const { host, port, database, user, passwordFile, poolSize } = options;
  return {
    host,
    port,
    database,
    user,
    // A function in any case: without one the library takes PGPASSWORD or a .pgpass, which nobody configured.
    password: async () => (passwordFile === undefined ? '' : (await readFile(passwordFile, 'utf8')).trim()),
    ssl: tlsOf(options),
    max: poolSize,
    application_name: 'harrier',
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    statement_timeout: STATEMENT_TIMEOUT,
    query_timeout: ANSWER_TIMEOUT,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    types: { getTypeParser },
  };
}

function tlsOf({ tls, caFile, clientCertificate }: PostgresOptions): false | ConnectionOptions {
  if (tls === 'disable') return false;
  return {
    rejectUnauthorized: tls === 'verify-full',
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') }),
    ...(clientCertificate === undefined
      ? {}
      : {
          cert: readFileSync(clientCertificate.certFile, 'utf8'),
          key: readFileSync(clientCertificate.keyFile, 'utf8'),
        }),
  };
}

/** 64-bit integers come as text, because they may be larger than a number keeps exactly. Ours are not. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: unknown) =>
  oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text');
