import { readFileSync, statSync } from 'node:fs';

/** The pod's own JWT, as the file holds it now. */
export interface TokenFile {
  /** The token; throws when the file can't be read or is empty. */
  read(): string;
  /** Reads the file anew, whatever its times say; true when the token is another than before. */
  reread(): boolean;
}

/** How long a look at the file's times is trusted, in milliseconds. */
const STAT_INTERVAL = 1000;

/**
 * Follows the projected token file without a timer or a watch: each use looks at the file's identity, at most
 * once a second. The kubelet rotates by swapping the `..data` symlink, so the path leads to another inode.
 */
export function openTokenFile(path: string, now: () => number = Date.now): TokenFile {
  let token = '';
  let identity = '';
  let checkedAt = Number.NEGATIVE_INFINITY;

  const load = (): boolean => {
    const stat = statSync(path);
    const text = readFileSync(path, 'utf8').trim();
    if (text === '') throw new Error('the token file is empty');
    const changed = text !== token;
    token = text;
    identity = identityOf(stat);
    checkedAt = now();
    return changed;
  };

  return {
    read() {
      if (token === '') load();
      else if (now() - checkedAt >= STAT_INTERVAL) {
        checkedAt = now();
        if (hasMoved(path, identity)) load();
      }
      return token;
    },
    reread() {
      try {
        return load();
      } catch {
        // The kubelet may be between two versions; what was read before is then still the best there is.
        return false;
      }
    },
  };
}

function identityOf(stat: { ino: number; mtimeMs: number; size: number }): string {
  return `${stat.ino}/${stat.mtimeMs}/${stat.size}`;
}

function hasMoved(path: string, identity: string): boolean {
  try {
    return identityOf(statSync(path)) !== identity;
  } catch {
    return false;
  }
}
