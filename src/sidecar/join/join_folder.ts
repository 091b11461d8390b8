import { closeSync, existsSync, openSync } from 'node:fs';
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** No name of the material's own: those begin with a letter or a digit. */
const HANDED_OUT = '.handed-out';

/** The folder in memory that the sidecar shares with the join container and the runner. */
export interface JoinFolder {
  /** Whether the material was handed out, if only by this sidecar before it was restarted. */
  readonly handedOut: boolean;
  /** Notes that it is being handed out. Throws where it was before. */
  mark(): void;
  /** Takes away what is left of the material, best effort. */
  empty(): Promise<void>;
}

export function openJoinFolder(path: string): JoinFolder {
  const marked = join(path, HANDED_OUT);
  return {
    get handedOut() {
      return existsSync(marked);
    },
    mark: () => closeSync(openSync(marked, 'wx', 0o444)),
    async empty() {
      const names = await readdir(path).catch(() => []);
      // Never what lies deeper: the job may put a link in a folder's place at any moment, and unlink follows none.
      const material = names.filter((name) => name !== HANDED_OUT);
      await Promise.all(material.map((name) => unlink(join(path, name)).catch(() => undefined)));
    },
  };
}
