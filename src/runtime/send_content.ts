import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { type ByteRange, parseRange } from '../http/byte_range.ts';

/** What is stored under one signed URL. */
export interface Stored {
  readonly sizeBytes: number;
  /** Opaque, without quotes. */
  readonly etag: string;
  read(range: ByteRange): Promise<Readable>;
}

/** Answers a GET with the bytes, or with the one range of them that was asked for (RFC 9110 section 14). */
export async function sendContent(
  reply: FastifyReply,
  wanted: { range?: string | undefined; 'if-range'?: string | undefined },
  stored: Stored,
): Promise<FastifyReply> {
  const etag = `"${stored.etag}"`;
  const condition = wanted['if-range'];
  const range = parseRange(
    condition === undefined || condition === etag ? wanted.range : undefined,
    stored.sizeBytes,
  );
  reply.headers({ 'accept-ranges': 'bytes', etag, 'cache-control': 'private, no-store' });
  if (range === 'unsatisfiable') {
    return reply.code(416).header('content-range', `bytes */${stored.sizeBytes}`).send(undefined);
  }
  const { start, end } = range ?? { start: 0, end: stored.sizeBytes - 1 };
  const stream = await stored.read({ start, end });
  if (range !== undefined) {
    reply.code(206).header('content-range', `bytes ${start}-${end}/${stored.sizeBytes}`);
  }
  reply.type('application/octet-stream').header('content-length', end - start + 1);
  return reply.send(stream);
}
