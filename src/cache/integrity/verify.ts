import type { CacheIndex, Owned } from '../index/index.ts';
import type { Integrity, Outcome } from './integrity.ts';

/** Entries that are asked of the index at once. */
const BATCH = 100;

/** One entry that was read through. */
export interface Verified {
  readonly entry: Owned;
  /** A corrupt one is in quarantine by now; an `unavailable` one could not be read, which says nothing of it. */
  readonly outcome: Exclude<Outcome, 'absent'>;
}

/**
 * Reads every entry through, of one tenant or of all, in the order of their ids, and answers each as it is known.
 * Entries that go meanwhile are passed over.
 */
export async function* verify(
  { index, integrity }: { readonly index: CacheIndex; readonly integrity: Integrity },
  tenant?: string,
): AsyncGenerator<Verified> {
  for await (const entry of allEntries(index)) {
    if (tenant !== undefined && entry.tenant !== tenant) continue;
    const outcome = await integrity.examine(entry.tenant, entry.id, 'verify', { thorough: true });
    if (outcome !== 'absent') yield { entry, outcome };
  }
}

/** @param after Id of the entry to begin behind. */
export async function* allEntries(index: CacheIndex, after = '0'): AsyncGenerator<Owned> {
  for (;;) {
    const batch = await index.after(after, BATCH);
    yield* batch;
    const last = batch.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}
