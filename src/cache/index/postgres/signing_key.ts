import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { PostgresDatabase } from './database.ts';

const BYTES = 32;

/** The key that signs URLs, one for all replicas: whichever made it first, the others take it. */
export async function sharedSigningKey(db: PostgresDatabase): Promise<KeyObject> {
  const s = db.schema;
  await db.write(
    { text: `INSERT INTO ${s}.secrets (name, value) VALUES ('url-signing', $1) ON CONFLICT DO NOTHING` },
    randomBytes(BYTES),
  );
  const [kept] = await db.read<{ value: Buffer }>({
    text: `SELECT value FROM ${s}.secrets WHERE name = 'url-signing'`,
  });
  if (kept?.value.length !== BYTES)
    throw new Error(`the URL-signing key in ${s}.secrets is not ${BYTES} bytes`);
  return createSecretKey(kept.value);
}
