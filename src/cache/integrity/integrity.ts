import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Blobs } from '../blobs/blobs.ts';
import type { CacheIndex, Owned } from '../index/index.ts';
import { checkEntry, type Verdict } from './check_entry.ts';

/** Who found out. */
export type Finder = 'lookup' | 'restore' | 'scrub' | 'verify';
export type Outcome = 'sound' | 'corrupt' | 'absent' | 'unavailable';

export interface IntegrityOptions {
  readonly index: CacheIndex;
  readonly blobs: Blobs;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Logger;
  /** Told of each entry that was quarantined. */
  readonly onCorrupt?: ((finder: Finder) => void) | undefined;
}

/** An entry that was found sound is not asked about again for so long, in ms: look-ups of one key come in bursts. */
const TRUSTED_FOR = 10_000;
const MOST_TRUSTED = 50_000;
/** A look-up waits for so long for bytes to be read, in ms; then it is a miss, and the reading goes on. */
const PATIENCE = 10_000;
/** Doubts about an entry that was just read through count for nothing for so long, in ms: each costs all its bytes. */
const DOUBTED_ONCE_IN = 60_000;
/** Entries that are read for doubts at once, and how many may wait. */
const MOST_WAITING = 100;

/**
 * Watches over the bytes of entries. What is not as it was saved is quarantined: its key is free, and no look-up finds
 * it any more. Only what this process has read itself, or what the store says of its own objects, counts as proof.
 */
export class Integrity {
  readonly #options: IntegrityOptions;
  /** Until when. */
  readonly #trusted = new Map<string, number>();
  readonly #asked = new Map<string, Promise<Outcome>>();
  readonly #readAt = new Map<string, number>();
  #doubts: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: IntegrityOptions) {
    this.#options = options;
  }

  /** Whether it was looked at a moment ago; for the many look-ups that ask the same. */
  isTrusted(entryId: string): boolean {
    return (this.#trusted.get(entryId) ?? 0) > this.#options.now();
  }

  /** For an entry whose blobs the store has just vouched for. */
  trust(entryId: string): void {
    if (this.#trusted.size >= MOST_TRUSTED) this.#trusted.clear();
    this.#trusted.set(entryId, this.#options.now() + TRUSTED_FOR);
  }

  /**
   * Before a hit is reported: asks the store about the entry's blobs, reads those that were written to since they were
   * saved, and quarantines it when they are not the same. Callers at the same time share one answer.
   */
  async check(tenant: string, entryId: string): Promise<Outcome> {
    if (this.isTrusted(entryId)) return 'sound';
    let asked = this.#asked.get(entryId);
    if (asked === undefined) {
      asked = this.examine(tenant, entryId, 'lookup', { thorough: false }).finally(() =>
        this.#asked.delete(entryId),
      );
      this.#asked.set(entryId, asked);
    }
    const late = new AbortController();
    const given = await Promise.race([
      asked,
      sleep(PATIENCE, 'unavailable' as const, { signal: late.signal, ref: false }).catch(
        () => 'unavailable' as const,
      ),
    ]);
    late.abort();
    return given;
  }

  /** Reads an entry through, some time soon, because somebody who restored it met other bytes than were saved. */
  doubt(tenant: string, entryId: string): void {
    const now = this.#options.now();
    if (now - (this.#readAt.get(entryId) ?? Number.NEGATIVE_INFINITY) < DOUBTED_ONCE_IN) return;
    if (this.#waiting >= MOST_WAITING) return;
    if (this.#readAt.size >= MOST_TRUSTED) this.#readAt.clear();
    this.#readAt.set(entryId, now);
    this.#waiting++;
    this.#doubts = this.#doubts
      .then(() => this.examine(tenant, entryId, 'restore', { thorough: true }))
      .finally(() => {
        this.#waiting--;
      });
  }

  /** Checks one entry now, and quarantines it when it is not as it was saved. */
  async examine(
    tenant: string,
    entryId: string,
    finder: Finder,
    how: { thorough: boolean; onBytes?: ((count: number) => Promise<void> | void) | undefined },
  ): Promise<Outcome> {
    const { log } = this.#options;
    let verdict: Verdict;
    try {
      verdict = await checkEntry(this.#options, tenant, entryId, how);
      if (verdict.outcome === 'corrupt') await this.#quarantine(tenant, entryId, verdict.fault, finder);
    } catch (error) {
      if ((error as Error).name === 'AbortError') return 'unavailable';
      log.warn({ err: error, entry: entryId, finder }, 'a cache entry could not be checked');
      return 'unavailable';
    }
    if (verdict.outcome === 'sound') this.trust(entryId);
    else this.#trusted.delete(entryId);
    return verdict.outcome;
  }

  async #quarantine(tenant: string, entryId: string, fault: string, finder: Finder): Promise<void> {
    const { index, now, log, onCorrupt } = this.#options;
    const entry: Owned | undefined = await index.quarantine(tenant, entryId, fault, now());
    if (entry === undefined) return;
    log.warn(
      { entry: entryId, sizeBytes: entry.sizeBytes, fault, finder },
      'a cache entry was quarantined: its bytes are not those that were saved',
    );
    onCorrupt?.(finder);
  }

  /** Returns when no doubt waits any more. */
  async settled(): Promise<void> {
    await this.#doubts;
  }
}
