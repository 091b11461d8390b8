import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { chmod, link, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = 'url-signing.key';
const BYTES = 32;

/** The key that signs URLs, kept in the data folder (mode 0600) so that a restart breaks no running transfer. */
export async function loadSigningKey(dataDir: string): Promise<KeyObject> {
  const path = join(dataDir, FILE);
  const kept = await readFile(path).catch(absent);
  if (kept === undefined) await createKeyFile(path);
  else await chmod(path, 0o600);
  const key = kept ?? (await readFile(path));
  if (key.length !== BYTES) throw new Error(`${path} has ${key.length} bytes instead of ${BYTES}`);
  return createSecretKey(key);
}

/** A link appears with its whole content or not at all, and leaves a key that came first in place. */
async function createKeyFile(path: string): Promise<void> {
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(randomBytes(BYTES));
    await file.sync();
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await file.close();
    await unlink(draft);
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
