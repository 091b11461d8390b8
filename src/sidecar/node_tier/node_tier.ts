import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { ByteRange } from '../../http/byte_range.ts';
import type { Log } from '../log.ts';
import { Draft, type Keep } from './draft.ts';
import { EntryFile, fileSize, type Identity, nameOf } from './entry_file.ts';
import { DRAFT, ENTRY } from './room.ts';
import { sendEntry } from './send_entry.ts';

const { access, constants, readdir, rm, stat, statfs } = process.getBuiltinModule('node:fs/promises');
const { join } = process.getBuiltinModule('node:path');

/** Part of the disk that stays free: below a tenth kubelet begins to evict pods. */
const FREE_SHARE = 0.15;
/** A draft without a byte for so long, in ms, is given up; its restore has ended somewhere in the middle. */
const IDLE = 60_000;

export interface NodeTierOptions {
  /** The tenant's folder on the node's disk. */
  folder: string;
  /** Most bytes of all files in it. */
  limit: number;
  /** Whether the folder is the tenant's that the pod's token is for at present; always when absent. */
  isOurs?: () => boolean;
  log: Log;
  now?: () => number;
}

/** How to go on with the store where the node's copy turns out to be bad. */
export type Resume = (response: ServerResponse, range: ByteRange) => Promise<void>;

/**
 * What runners of this node have restored before, on the node's own disk. It is asked about entries that the api has
 * just named to this job, and about no others; a fault of the tier is never one of the job's.
 */
export class NodeTier {
  readonly #options: NodeTierOptions;
  readonly #now: () => number;
  /** Being written by this process; undefined while it is begun, or where there is no room for it. */
  readonly #drafts = new Map<string, Promise<Draft | undefined>>();
  readonly #timer: NodeJS.Timeout;

  private constructor(options: NodeTierOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#timer = setInterval(() => void this.#giveUpIdle(), IDLE / 2).unref();
  }

  /** Undefined, and a line in the log, when the folder can't be used. */
  static async open(options: NodeTierOptions): Promise<NodeTier | undefined> {
    try {
      await access(options.folder, constants.R_OK | constants.W_OK | constants.X_OK);
      return new NodeTier(options);
    } catch (error) {
      options.log('warn', 'the folder of the node-local cache cannot be used', { fault: faultOf(error) });
      return undefined;
    }
  }

  /** Sends the range from the node's disk; false, and nothing sent, when the entry isn't there whole. */
  async send(
    response: ServerResponse,
    entry: Identity,
    range: ByteRange,
    head: { status: number; headers: OutgoingHttpHeaders },
    resume: Resume,
  ): Promise<boolean> {
    if (!this.#isOurs()) return false;
    const name = nameOf(entry);
    const path = join(this.#options.folder, `${name}${ENTRY}`);
    const file = await this.#guarded(() => EntryFile.open(path, name, entry.sizeBytes));
    if (file === undefined) return false;
    if (file === 'corrupt') {
      await this.#drop(path);
      return false;
    }
    try {
      const sent = await sendEntry(file, entry.sizeBytes, range, response, head);
      if (sent === 'whole') return true;
      await this.#drop(path);
      if (sent === 'nothing') return false;
      await resume(response, { start: sent.next, end: range.end });
      return true;
    } finally {
      await file.close();
    }
  }

  /** Where to tell the bytes of a restore that come from the store; undefined when they are not kept. */
  async keep(entry: Identity, start: number): Promise<Keep | undefined> {
    if (entry.sizeBytes === 0 || !this.#isOurs()) return undefined;
    const name = nameOf(entry);
    let draft = this.#drafts.get(name);
    if (draft === undefined) {
      draft = this.#guarded(() => this.#begin(name, entry.sizeBytes));
      this.#drafts.set(name, draft);
    }
    return (await draft)?.stretch(start);
  }

  async #begin(name: string, sizeBytes: number): Promise<Draft | undefined> {
    const { folder, limit } = this.#options;
    const needed = fileSize(sizeBytes);
    if (needed > limit || (await this.#isBeingWritten(name))) return undefined;
    const { bavail, blocks, bsize } = await statfs(folder);
    if (bavail * bsize - needed < blocks * bsize * FREE_SHARE) return undefined;
    const onEnd = () => {
      this.#drafts.delete(name);
    };
    return Draft.begin({ folder, name, sizeBytes, limit, now: this.#now, onEnd });
  }

  /** Another sidecar may be at it, which is enough; one that was killed is not waited for. */
  async #isBeingWritten(name: string): Promise<boolean> {
    const { folder } = this.#options;
    const others = (await readdir(folder)).filter((one) => one.startsWith(`${name}.`));
    for (const other of others) {
      if (!other.endsWith(DRAFT)) return true;
      const found = await stat(join(folder, other)).catch(() => undefined);
      if (found !== undefined && this.#now() - found.mtimeMs < IDLE) return true;
    }
    return false;
  }

  async #drop(path: string): Promise<void> {
    this.#options.log('warn', 'an entry on the node was not as it was written; the store is asked instead');
    await this.#guarded(() => rm(path, { force: true }));
  }

  async #giveUpIdle(): Promise<void> {
    for (const [name, beginning] of [...this.#drafts]) {
      const draft = await beginning;
      // One for which there was no room may have room the next time.
      if (draft === undefined) this.#drafts.delete(name);
      else if (this.#now() - draft.touchedAt > IDLE) draft.abandon();
    }
  }

  /** Gives up what is being written. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const beginning of this.#drafts.values()) (await beginning)?.abandon();
  }

  #isOurs(): boolean {
    return this.#options.isOurs?.() ?? true;
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#options.log('warn', 'the node-local cache failed; the store is asked instead', {
        fault: faultOf(error),
      });
      return undefined;
    }
  }
}

function faultOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : 'unknown';
}
