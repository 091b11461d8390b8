import type { IncomingMessage } from 'node:http';
import type { PartsAnswer, PartsRequest } from '../protocol/cache.ts';
import { type PartTarget, putPart } from './put_part.ts';
import { readBody } from './read_body.ts';
import { unavailable } from './refusal.ts';
import type { Block, Upload } from './uploads.ts';
import { takePartNumber } from './uploads.ts';
import type { Upstream } from './upstream.ts';

/** A body of unknown length is cut into parts of so many bytes, the most that is ever held of it. */
const PIECE = 4 * 1024 * 1024;

/**
 * Streams a request's body into the store and tells which parts hold it. A signed URL is good for exactly its
 * length, so a body that doesn't say its own is cut into pieces; every other goes through in one, unbuffered.
 */
export async function stageBlock(
  upstream: Upstream,
  upload: Upload,
  source: IncomingMessage,
  length: number | undefined,
): Promise<Block> {
  if (length === undefined) return stagePieces(upstream, upload, source);
  if (length === 0) return stageNothing(source);
  const number = takePartNumber(upload);
  const target = await partTarget(upstream, upload, number, length);
  const crc32 = await putPart(upstream, target, source, length);
  return { parts: [number], crc32: [crc32], size: length };
}

async function stageNothing(source: IncomingMessage): Promise<Block> {
  await readBody(source, 0);
  return { parts: [], crc32: [], size: 0 };
}

async function stagePieces(upstream: Upstream, upload: Upload, source: IncomingMessage): Promise<Block> {
  const block: Block = { parts: [], crc32: [], size: 0 };
  let piece: Buffer[] = [];
  let size = 0;
  const flush = async () => {
    if (size === 0) return;
    const number = takePartNumber(upload);
    const target = await partTarget(upstream, upload, number, size);
    const crc32 = await putPart(upstream, target, piece, size);
    block.crc32.push(crc32);
    block.parts.push(number);
    block.size += size;
    piece = [];
    size = 0;
  };
  for await (const chunk of source as AsyncIterable<Buffer>) {
    piece.push(chunk);
    size += chunk.length;
    if (size >= PIECE) await flush();
  }
  if (!source.complete) throw new Error('the client went away');
  await flush();
  return block;
}

async function partTarget(
  upstream: Upstream,
  upload: Upload,
  number: number,
  sizeBytes: number,
): Promise<PartTarget> {
  const request: PartsRequest = { parts: [{ number, sizeBytes }] };
  const answer = await upstream.json<PartsAnswer>({
    method: 'POST',
    path: `${upload.path}/parts`,
    body: JSON.stringify(request),
    idempotent: true,
    jobToken: upload.jobToken,
  });
  const target = answer.parts.find((part) => part.number === number);
  if (target === undefined) throw unavailable('the api gave no URL for a part');
  return target;
}
