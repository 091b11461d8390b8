import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { BytesCorrupt, type SizedBlob } from '../blobs.ts';
import { absent } from './errors.ts';

/** One stretch of an object. */
export interface ObjectSlice extends SizedBlob {
  readonly start: number;
  readonly length: number;
}

/** The slices that make up a range, both ends included, of blobs one after the other. */
export function slicesOf(blobs: readonly SizedBlob[], start: number, end: number): ObjectSlice[] {
  const slices: ObjectSlice[] = [];
  let offset = 0;
  for (const blob of blobs) {
    const from = Math.max(start - offset, 0);
    const to = Math.min(end - offset, blob.sizeBytes - 1);
    if (from <= to) slices.push({ ...blob, start: from, length: to - from + 1 });
    offset += blob.sizeBytes;
  }
  return slices;
}

/** Begins to read an object; undefined when there is none. */
export async function openObject(
  client: S3Client,
  bucket: string,
  key: string,
  range?: { start: number; length: number },
): Promise<Readable | undefined> {
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.start + range.length - 1}` }),
  });
  const answer = await client.send(command).catch(absent);
  return answer?.Body as Readable | undefined;
}

/** The bytes of a slice; throws BytesCorrupt before the last of them when they are too few, too many or not right. */
export async function* checked(slice: ObjectSlice, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const known = slice.length === slice.sizeBytes ? slice.crc32 : undefined;
  let left = slice.length;
  let seen = 0;
  for await (const chunk of source) {
    left -= chunk.length;
    if (left < 0) throw new BytesCorrupt();
    if (known !== undefined) {
      seen = crc32(chunk, seen);
      if (left === 0 && seen !== known) throw new BytesCorrupt();
    }
    yield chunk;
  }
  if (left > 0) throw new BytesCorrupt();
}
