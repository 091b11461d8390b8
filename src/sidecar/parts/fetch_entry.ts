import type { ServerResponse } from 'node:http';
import { parseRange } from '../../http/byte_range.ts';
import type { Body, Stored } from '../stored.ts';
import type { Upstream } from '../upstream.ts';
import type { PartList } from './part_list.ts';
import { BytesCorrupt, readSlice, UrlRefused } from './read_slice.ts';
import { type Slice, slicesOf } from './slices.ts';

/**
 * Slices asked for before the one in front of them is through: it hides the time that a store takes for its first byte.
 * One of the usual size is enough; of small ones so many that they have as many bytes.
 */
const MOST_AHEAD = 8;
const BYTES_AHEAD = 8 * 1024 * 1024;
/** How long a slice that was asked for ahead may take for its head, in ms. */
const AHEAD_PATIENCE = 10_000;

export interface PartedEntry {
  readonly sizeBytes: number;
  readonly parts: PartList;
  /** Tells the api that the bytes are not those that were saved. */
  doubt(): void;
}

/** Answers a GET of an entry whose parts are objects in a store of their own, as one stream of their bytes in order. */
export async function fetchEntry(
  upstream: Upstream,
  { sizeBytes, parts, doubt }: PartedEntry,
  header: string | undefined,
): Promise<Stored> {
  const range = parseRange(header, sizeBytes);
  if (range === 'unsatisfiable') {
    const headers = { 'content-range': `bytes */${sizeBytes}` };
    return { status: 416, headers, relay: async () => {}, drop: () => {} };
  }
  const { start, end } = range ?? { start: 0, end: sizeBytes - 1 };
  const slices = slicesOf(await parts.upTo(end), start, end);
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      'content-length': String(end - start + 1),
      ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${sizeBytes}` }),
    },
    async relay(response) {
      const relaying = new Relaying(upstream, parts, end, response);
      try {
        await relaying.all(slices);
      } catch (error) {
        if (error instanceof BytesCorrupt) doubt();
        throw error;
      } finally {
        relaying.drop();
      }
    },
    drop: () => {},
  };
}

/** The slice at that position, and those after it to ask for already. */
function ahead(slices: readonly Slice[], position: number): Slice[] {
  let bytes = 0;
  return slices.slice(position, position + 1 + MOST_AHEAD).filter(({ start, end }, index) => {
    if (index > 1 && bytes >= BYTES_AHEAD) return false;
    if (index > 0) bytes += end - start + 1;
    return true;
  });
}

/** One restore on its way: slices in order into one response. */
class Relaying {
  readonly #upstream: Upstream;
  readonly #parts: PartList;
  readonly #end: number;
  readonly #response: ServerResponse;
  readonly #ahead = new Map<Slice, Promise<Body>>();
  #current: Body | undefined;

  constructor(upstream: Upstream, parts: PartList, end: number, response: ServerResponse) {
    this.#upstream = upstream;
    this.#parts = parts;
    this.#end = end;
    this.#response = response;
    response.once('close', () => this.drop());
  }

  async all(slices: readonly Slice[]): Promise<void> {
    for (const [position, slice] of slices.entries()) {
      for (const next of ahead(slices, position)) this.#askAhead(next);
      await this.#one(slice);
    }
    await new Promise<void>((done, fail) => {
      this.#response.once('error', fail);
      this.#response.end(done);
    });
  }

  async #one(slice: Slice): Promise<void> {
    const reader = {
      open: (wanted: Slice, from: number, patience: number) => this.#open(wanted, from, patience),
      isOver: () => this.#response.destroyed,
      sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
    };
    try {
      await readSlice(slice, reader, (chunk, done) => void this.#response.write(chunk, done));
    } catch (error) {
      if (!(error instanceof UrlRefused) || this.#response.destroyed) throw error;
      throw new Error('the store refuses the URLs of an entry', { cause: error });
    }
  }

  #askAhead(slice: Slice): void {
    if (this.#ahead.has(slice)) return;
    const asked = this.#get(slice, slice.start, AHEAD_PATIENCE);
    // Who wants it is told; until then nobody listens.
    asked.catch(() => {});
    this.#ahead.set(slice, asked);
  }

  async #open(slice: Slice, from: number, patience: number): Promise<Body> {
    const ahead = this.#ahead.get(slice);
    this.#ahead.delete(slice);
    let body = await (ahead ?? this.#get(slice, from, patience));
    if (body.status === 401 || body.status === 403) {
      // The restore has lasted longer than the URL.
      body.drop();
      this.#parts.forget();
      body = await this.#get(slice, from, patience);
    }
    this.#current = body;
    if (this.#response.destroyed) this.drop();
    return body;
  }

  async #get(slice: Slice, from: number, patience: number): Promise<Body> {
    const part = (await this.#parts.upTo(this.#end))[slice.index];
    if (part === undefined) throw new BytesCorrupt();
    return this.#upstream.fetch(part.url, { range: `bytes=${from}-${slice.end}` }, patience);
  }

  drop(): void {
    this.#current?.drop();
    for (const asked of this.#ahead.values())
      void asked.then(
        (body) => body.drop(),
        () => {},
      );
    this.#ahead.clear();
  }
}
