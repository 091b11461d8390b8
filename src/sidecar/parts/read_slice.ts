import type { Body, Take } from '../stored.ts';
import type { Slice } from './slices.ts';

const { crc32 } = process.getBuiltinModule('node:zlib');

/** Stored bytes are not those that were saved. */
export class BytesCorrupt extends Error {
  override readonly name = 'BytesCorrupt';
  constructor() {
    super('stored bytes are not those that were saved');
  }
}

/** The store takes the URL for expired, or has no such object any more. */
export class UrlRefused extends Error {
  override readonly name = 'UrlRefused';
}

export interface SliceReader {
  /** GETs the bytes from there to the end of the slice, which may have been asked for ahead. */
  open(slice: Slice, from: number, patience: number): Promise<Body>;
  /** Whoever wants the bytes is gone. */
  isOver(): boolean;
  sleep(milliseconds: number): Promise<void>;
}

/** How long the store may send nothing, in ms: a stock client gives its own connection up after 5 s of silence. */
const PATIENCE = 3_000;
/** Breaks without a byte between them after which the slice is given up. */
const MOST_BREAKS = 6;
const BACKOFF = 50;

/**
 * Gives a slice away, byte for byte, over as many connections as it takes: what breaks off, stalls or is refused for the
 * moment goes on where it stopped. The last bytes of a part with another checksum than it was saved with are kept back.
 */
export async function readSlice(slice: Slice, reader: SliceReader, take: Take): Promise<void> {
  let at = slice.start;
  let seen = 0;
  let breaks = 0;
  const give: Take = (chunk, done) => {
    if (at + chunk.length - 1 > slice.end) throw new BytesCorrupt();
    if (slice.crc32 !== undefined) seen = crc32(chunk, seen);
    at += chunk.length;
    if (at > slice.end && slice.crc32 !== undefined && seen !== slice.crc32) throw new BytesCorrupt();
    breaks = 0;
    take(chunk, done);
  };
  while (at <= slice.end) {
    const patience = PATIENCE * 2 ** Math.min(breaks, 3);
    try {
      const body = await reader.open(slice, at, patience);
      assertRest(body, at, slice);
      await body.pour(give, patience);
    } catch (error) {
      if (error instanceof BytesCorrupt || error instanceof UrlRefused || reader.isOver()) throw error;
      if (++breaks > MOST_BREAKS) throw error;
      await reader.sleep(BACKOFF * 2 ** breaks);
    }
  }
}

/** Throws unless the answer is what is left of the slice, and lets go of it. */
function assertRest(body: Body, from: number, slice: Slice): void {
  const length = slice.end - from + 1;
  const { status, headers } = body;
  if (status === 206 && Number(headers['content-length']) === length) {
    if (new RegExp(`^bytes ${from}-${slice.end}/`).test(String(headers['content-range']))) return;
  }
  body.drop();
  if (status === 401 || status === 403) throw new UrlRefused('the store refused a URL');
  // A part that is gone, or is shorter than the range that was asked for.
  if (status === 404 || status === 416) throw new BytesCorrupt();
  throw new Error(`the store answered ${status}`);
}
