import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';

export interface FollowOptions<T> {
  path: string;
  /** Reads the content; throws on what isn't acceptable. */
  parse(text: string): T;
  log: Logger;
  everyMs?: number;
  /** Called with each new content, the first included, and with undefined for one that can't be had. */
  onChange?: (content: T | undefined) => void;
}

export interface FollowedFile<T> {
  /** What the file says now; undefined while it is absent, unreadable or not acceptable. */
  readonly current: T | undefined;
  stop(): void;
}

/**
 * Keeps up with a file that is mounted from a Secret or a ConfigMap. Looks every two seconds instead of asking the
 * kernel: kubelet swaps a symlink two folders above the file, which no watch of the file itself tells of. Whatever
 * can't be read counts as absent: the caller has then nobody to trust instead of those of yesterday. Resolves once
 * the file was looked at first.
 */
export async function followFile<T>(options: FollowOptions<T>): Promise<FollowedFile<T>> {
  const { path, parse, log, everyMs = 2_000, onChange } = options;
  let text: string | undefined;
  let current: T | undefined;
  let looked = false;
  let looking = false;
  let stopped = false;

  async function look(): Promise<void> {
    const found = await readFile(path, 'utf8').catch(() => undefined);
    if (stopped || (looked && found === text)) return;
    looked = true;
    text = found;
    current = undefined;
    try {
      if (found === undefined) log.warn({ path }, 'a configured file is not there');
      else current = parse(found);
    } catch {
      // Not why: an error of the parser quotes its input, which may be a secret.
      log.error({ path }, 'a configured file is not what it has to be; nothing of it counts');
    }
    onChange?.(current);
  }

  await look();
  const timer = setInterval(() => {
    // One at a time: of two reads the earlier may end last and bring back what was there before.
    if (looking) return;
    looking = true;
    void look().finally(() => {
      looking = false;
    });
  }, everyMs);
  timer.unref();
  return {
    get current() {
      return current;
    },
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}
