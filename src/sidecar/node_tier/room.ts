const { readdir, rm, stat } = process.getBuiltinModule('node:fs/promises');
const { join } = process.getBuiltinModule('node:path');

export const ENTRY = '.entry';
export const DRAFT = '.draft';
/** A draft that nobody has written to for so long, in ms, was left by a process that was killed. */
export const DEAD_AFTER = 10 * 60_000;
/** Attempts to read a folder that others change meanwhile. */
const LOOKS = 10;

interface Kept {
  path: string;
  isDraft: boolean;
  sizeBytes: number;
  modifiedMs: number;
}

/**
 * Makes room for a draft that is there already, with its whole length: removes the entries that were used the longest
 * ago until all files together have at most `limit` bytes. False when they can't, since other drafts need the room.
 *
 * Any number of sidecars do this at once without a lock. Each counts after its own draft is to be seen, so of any two
 * the later one counts both; bytes are written only after that. What has passed never sums up to more than the limit.
 */
export async function makeRoom(folder: string, limit: number, now: number): Promise<boolean> {
  const kept = await look(folder);
  let total = 0;
  for (const one of kept) total += one.sizeBytes;
  const dead = kept.filter((one) => one.isDraft && now - one.modifiedMs > DEAD_AFTER);
  const entries = kept.filter((one) => !one.isDraft).sort((a, b) => a.modifiedMs - b.modifiedMs);
  for (const one of dead) {
    await rm(one.path, { force: true });
    total -= one.sizeBytes;
  }
  for (const one of entries) {
    if (total <= limit) return true;
    await rm(one.path, { force: true });
    total -= one.sizeBytes;
  }
  return total <= limit;
}

/** A draft that becomes an entry while the folder is read could be seen as neither: then it is read again. */
async function look(folder: string): Promise<Kept[]> {
  for (let tries = 1; ; tries++) {
    const before = await changeOf(folder);
    const names = await readdir(folder);
    const same = before === (await changeOf(folder));
    if (!same && tries < LOOKS) continue;
    const found = await Promise.all(names.map((name) => keptOf(folder, name)));
    return found.filter((one) => one !== undefined);
  }
}

async function changeOf(folder: string): Promise<bigint> {
  return (await stat(folder, { bigint: true })).mtimeNs;
}

async function keptOf(folder: string, name: string): Promise<Kept | undefined> {
  const isDraft = name.endsWith(DRAFT);
  if (!isDraft && !name.endsWith(ENTRY)) return undefined;
  const path = join(folder, name);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  // Gone or renamed since: a draft that became an entry still has its bytes.
  if (found === undefined) return isDraft ? keptOf(folder, entryOfDraft(name)) : undefined;
  return { path, isDraft, sizeBytes: found.size, modifiedMs: found.mtimeMs };
}

export function entryOfDraft(draft: string): string {
  return `${draft.slice(0, draft.indexOf('.'))}${ENTRY}`;
}
