import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Blobs } from './blobs/blobs.ts';
import type { CacheIndex } from './index/index.ts';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const KEPT = 'boot-id';

/**
 * Entries count from their commit on; their bytes are brought to the disk afterwards, one entry at a time, and then
 * marked durable. When the process is killed the kernel still has the bytes. When the machine went down, which a
 * changed boot id tells, the entries not yet marked are dropped: a miss instead of a file with holes.
 */
export class Durability {
  readonly #index: CacheIndex;
  readonly #blobs: Blobs;
  readonly #log: Logger;
  #working: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(index: CacheIndex, blobs: Blobs, log: Logger) {
    this.#index = index;
    this.#blobs = blobs;
    this.#log = log;
  }

  /** Deals with what an earlier process left. */
  async recover(dataDir: string): Promise<void> {
    const path = join(dataDir, KEPT);
    // Without such an id (not Linux) every start counts as one after a power cut.
    const boot = await readFile(BOOT_ID, 'utf8').catch(() => undefined);
    const earlier = await readFile(path, 'utf8').catch(() => undefined);
    // A store of its own keeps what it has acknowledged, whatever becomes of this machine.
    if (this.#blobs.direct === undefined && (boot === undefined || boot !== earlier)) {
      const dropped = await this.#index.dropUndurable();
      if (dropped > 0)
        this.#log.warn({ entries: dropped }, 'cache entries dropped that the machine had not kept');
    }
    for (const { entryId, blobs } of await this.#index.undurable()) this.enqueue(entryId, blobs);
    if (boot !== undefined) await writeFile(path, boot, { mode: 0o600 });
  }

  enqueue(entryId: string, blobs: readonly string[]): void {
    this.#working = this.#working.then(async () => {
      if (this.#closed) return;
      try {
        await this.#blobs.sync(blobs);
        if (this.#closed) return;
        await this.#index.markDurable([entryId]);
      } catch (error) {
        // Left unmarked; the next start tries again or drops it.
        this.#log.warn({ err: error, entry: entryId }, 'a cache entry could not be brought to the disk');
      }
    });
  }

  /** Returns when everything enqueued is done. */
  async settled(): Promise<void> {
    await this.#working;
  }

  /** Finishes what can be finished in `patienceMs` milliseconds; the rest is left to the next start. */
  async close(patienceMs: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patienceMs);
    await Promise.race([this.#working, late]);
    clearTimeout(timer);
    this.#closed = true;
  }
}
