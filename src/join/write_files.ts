import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes each file for its owner alone to read: whom this process runs as, which is the runner's own user. Never over
 * or through something that is there already.
 */
export async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    const file = await open(join(folder, name), 'wx', 0o400);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
  }
}
