/**
 * Forward-only: a step, once released, is never changed. `created_at` is NULL while an upload is open. Ids are never
 * reused (AUTOINCREMENT, a sequence): a signed URL must not come to mean another artifact.
 */
const tables = (id: string, integer: string, schema = '') => `
  CREATE TABLE ${schema}artifacts (
    id ${id},
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    job TEXT NOT NULL,
    name TEXT NOT NULL,
    upload TEXT NOT NULL UNIQUE,
    mime_type TEXT NOT NULL,
    active_at ${integer} NOT NULL,
    expires_at ${integer} NOT NULL,
    created_at ${integer},
    size ${integer} NOT NULL DEFAULT 0,
    digest TEXT,
    UNIQUE (tenant, run, name)
  );
  CREATE INDEX artifacts_open ON ${schema}artifacts (active_at) WHERE created_at IS NULL;
  CREATE INDEX artifacts_expiry ON ${schema}artifacts (expires_at) WHERE created_at IS NOT NULL;

  CREATE TABLE ${schema}artifact_parts (
    artifact ${integer} NOT NULL REFERENCES ${schema}artifacts (id) ON DELETE CASCADE,
    number ${integer} NOT NULL,
    blob TEXT NOT NULL,
    size ${integer} NOT NULL,
    PRIMARY KEY (artifact, number)
  );
  CREATE INDEX artifact_parts_blob ON ${schema}artifact_parts (blob);

  CREATE TABLE ${schema}artifact_contents (
    artifact ${integer} NOT NULL REFERENCES ${schema}artifacts (id) ON DELETE CASCADE,
    position ${integer} NOT NULL,
    number ${integer} NOT NULL,
    blob TEXT NOT NULL,
    size ${integer} NOT NULL,
    crc32 ${integer},
    mark TEXT,
    PRIMARY KEY (artifact, position)
  );
  CREATE INDEX artifact_contents_blob ON ${schema}artifact_contents (blob);
`;

export const SQLITE_STEPS = [tables('INTEGER PRIMARY KEY AUTOINCREMENT', 'INTEGER')];

/** For the quoted name of the schema. */
export const POSTGRES_STEPS = [
  // Names and runs compare by their bytes, as in SQLite, whatever the database's collation.
  (schema: string) =>
    tables('BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY', 'BIGINT', `${schema}.`).replaceAll(
      'TEXT NOT NULL',
      'TEXT COLLATE "C" NOT NULL',
    ),
];
