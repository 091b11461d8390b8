import type { LookupAnswer, LookupRequest } from '../protocol/cache.ts';
import { fetchEntry, type PartedEntry } from './parts/fetch_entry.ts';
import { PartList } from './parts/part_list.ts';
import { Refused } from './refusal.ts';
import { secret } from './secret.ts';
import type { Stored } from './stored.ts';
import type { Upstream } from './upstream.ts';

type Hit = Extract<LookupAnswer, { hit: true }>;

/** An entry that the job has asked for, behind a local URL. */
export interface Download {
  readonly handle: string;
  readonly signature: string;
  /** The job's own token with which it was found; blob requests bring none. */
  readonly jobToken: string | undefined;
  /** The api's latest answer; its signed URL is renewed when it has expired. */
  entry: Hit;
  /** When the api gave it, in ms of a clock that never steps back. */
  askedAt: number;
  /** The question under way whether the entry is still there. */
  confirming: Promise<void> | undefined;
  /** Where its parts are, once asked for, of an entry whose bytes don't pass the api. */
  parted: PartedEntry | undefined;
}

/** For so long the api's word that an entry is there holds for bytes that come from elsewhere than its store, in ms. */
const BELIEVED = 20_000;
/** A look-up's signed URLs are good for 5 minutes; in ms. */
const URL_GOOD_FOR = 4 * 60_000;

/** The oldest give way: a client that comes back for a forgotten one asks for a new URL, as the stock ones do. */
const MAX_KEPT = 2048;

export class Downloads {
  readonly #kept = new Map<string, Download>();
  readonly #upstream: Upstream;
  readonly #now: () => number;

  constructor(upstream: Upstream, now: () => number = () => performance.now()) {
    this.#upstream = upstream;
    this.#now = now;
  }

  /** Asks the api for the first of the keys, then for the others by prefix; undefined when there is none. */
  async find(
    keys: readonly string[],
    version: string,
    jobToken: string | undefined,
  ): Promise<Download | undefined> {
    const entry = await this.#lookup(keys, version, jobToken);
    if (!entry.hit) return undefined;
    const oldest = this.#kept.size >= MAX_KEPT ? this.#kept.keys().next().value : undefined;
    if (oldest !== undefined) this.#kept.delete(oldest);
    const download: Download = {
      ...{ handle: secret(), signature: secret(), jobToken, entry },
      ...{ askedAt: this.#now(), confirming: undefined, parted: undefined },
    };
    this.#kept.set(download.handle, download);
    return download;
  }

  /** The entry's bytes, or of them what a Range header asks for; from the api, or from where the parts are. */
  fetch(download: Download, range: string | undefined): Promise<Stored> {
    const { entry } = download;
    if (entry.partsUrl === undefined)
      return this.#upstream.fetch(entry.url, range === undefined ? {} : { range });
    download.parted ??= this.#parted(download);
    return fetchEntry(this.#upstream, download.parted, range);
  }

  #parted(download: Download): PartedEntry {
    const { sizeBytes } = download.entry;
    // A restore may outlast the signed URL of the list.
    const url = async () => {
      if (this.#now() - download.askedAt > URL_GOOD_FOR) await this.renew(download);
      return download.entry.partsUrl ?? '';
    };
    return {
      sizeBytes,
      parts: new PartList(this.#upstream, url, this.#now),
      doubt: () => this.#doubt(download),
    };
  }

  /** The api looks for itself. That it can't be told costs nobody anything but the next one's time. */
  #doubt({ entry }: Download): void {
    const url = entry.url.replace('?', '/doubts?');
    const request = this.#upstream.signed({ method: 'POST', url, headers: { 'content-length': 0 } });
    request.once('error', () => {});
    request.once('response', (response) => void response.resume());
    request.end();
  }

  byHandle(handle: string, signature: string | null): Download | undefined {
    const download = this.#kept.get(handle);
    return download?.signature === signature ? download : undefined;
  }

  /** A fresh signed URL for the very same entry; refused when that one is gone, whatever else has its key. */
  async renew(download: Download): Promise<void> {
    const { key, version, scope, createdAt, sizeBytes } = download.entry;
    const entry = await this.#lookup([key], version, download.jobToken);
    const same =
      entry.hit &&
      entry.key === key &&
      entry.scope === scope &&
      entry.createdAt === createdAt &&
      entry.sizeBytes === sizeBytes;
    if (!same) {
      this.#kept.delete(download.handle);
      throw new Refused('not-found', 404, 'the cache entry is gone');
    }
    download.entry = entry;
    download.askedAt = this.#now();
  }

  /** Asks the api anew whether the entry is there for this job, unless it has just said so; refused when it is gone. */
  async confirm(download: Download): Promise<void> {
    if (this.#now() - download.askedAt < BELIEVED) return;
    // The ranges of one restore ask together.
    download.confirming ??= this.renew(download).finally(() => {
      download.confirming = undefined;
    });
    await download.confirming;
  }

  #lookup(keys: readonly string[], version: string, jobToken: string | undefined): Promise<LookupAnswer> {
    const request: LookupRequest = { keys: [...keys], version };
    const body = JSON.stringify(request);
    return this.#upstream.json({
      method: 'POST',
      path: '/v1/cache/lookup',
      body,
      idempotent: true,
      jobToken,
    });
  }
}
