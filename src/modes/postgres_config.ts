import { z } from 'zod';
import type { PostgresOptions } from '../cache/index/postgres/options.ts';
import { port } from './environment.ts';

/** Where the PostgreSQL of the cache's index is; without a host there is none. */
export const postgresConfig = z.object({
  HARRIER_POSTGRES_HOST: z
    .string()
    .optional()
    .describe("PostgreSQL that keeps the cache's index; a file of the data folder does when absent."),
  HARRIER_POSTGRES_PORT: port.default(5432).describe('Its port.'),
  HARRIER_POSTGRES_DATABASE: z.string().default('harrier').describe('Database, of encoding UTF8.'),
  HARRIER_POSTGRES_USER: z.string().default('harrier').describe('Who we are there.'),
  HARRIER_POSTGRES_PASSWORD_FILE: z
    .string()
    .optional()
    .describe('File with the password, read anew for each connection.'),
  HARRIER_POSTGRES_SCHEMA: z
    .string()
    .min(1)
    .max(63)
    .default('harrier')
    .describe('Schema of the tables, made when absent.'),
  HARRIER_POSTGRES_TLS: z
    .enum(['verify-full', 'require', 'disable'])
    .default('verify-full')
    .describe(
      'verify-full proves the server by its certificate; require encrypts only; disable does neither.',
    ),
  HARRIER_POSTGRES_CA_FILE: z
    .string()
    .optional()
    .describe(
      "File with the PEM of the authorities that vouch for the server; the system's own when absent.",
    ),
  HARRIER_POSTGRES_POOL_SIZE: z.coerce
    .number()
    .int()
    .min(2)
    .max(1000)
    .default(10)
    .describe('Connections of this process at most.'),
});

/** Undefined where the index is in the data folder. */
export function postgresOptions(config: z.infer<typeof postgresConfig>): PostgresOptions | undefined {
  if (config.HARRIER_POSTGRES_HOST === undefined) return undefined;
  return {
    host: config.HARRIER_POSTGRES_HOST,
    port: config.HARRIER_POSTGRES_PORT,
    database: config.HARRIER_POSTGRES_DATABASE,
    user: config.HARRIER_POSTGRES_USER,
    passwordFile: config.HARRIER_POSTGRES_PASSWORD_FILE,
    schema: config.HARRIER_POSTGRES_SCHEMA,
    tls: config.HARRIER_POSTGRES_TLS,
    caFile: config.HARRIER_POSTGRES_CA_FILE,
    poolSize: config.HARRIER_POSTGRES_POOL_SIZE,
  };
}
