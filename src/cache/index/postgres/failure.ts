import { DatabaseError } from 'pg';

/**
 * What becomes of a failed statement (postgresql.org/docs/current/errcodes-appendix.html):
 * `again` when it lost against another transaction, which is no fault of anybody;
 * `unavailable` when the server can't be reached, is going down or coming up, or is overloaded;
 * `fault` when it is our mistake.
 */
export type Failure = 'again' | 'unavailable' | 'fault';

/**
 * serialization_failure; deadlock_detected; foreign_key_violation: what a row refers to was dropped for being empty
 * while the row was made.
 */
const AGAIN = new Set(['40001', '40P01', '23503']);
/** By class: connections, resources, operators' doing, system errors, authorization, unknown database. */
const UNAVAILABLE = /^(08|53|57|58|28|3D)/;
/** read_only_sql_transaction: a standby that has not been promoted yet; lock_not_available; idle sessions cut. */
const ALSO_UNAVAILABLE = new Set(['25006', '55P03', '25P03']);

/** Of an error that the library threw: what has no SQLSTATE comes from the connection. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof DatabaseError)) return 'unavailable';
  const { code = '' } = error;
  if (AGAIN.has(code)) return 'again';
  return UNAVAILABLE.test(code) || ALSO_UNAVAILABLE.has(code) ? 'unavailable' : 'fault';
}
