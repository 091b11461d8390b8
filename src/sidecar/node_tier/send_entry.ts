import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { ByteRange } from '../../http/byte_range.ts';
import { CHUNK, type EntryFile } from './entry_file.ts';

/**
 * Sends a range of an entry's file, each chunk after it was found to be right. Where one isn't, nothing more is sent:
 * `next` is the first byte that the client has not got. With the first chunk bad, not even the head was sent.
 */
export async function sendEntry(
  file: EntryFile,
  sizeBytes: number,
  range: ByteRange,
  response: ServerResponse,
  head: { status: number; headers: OutgoingHttpHeaders },
): Promise<'whole' | 'nothing' | { next: number }> {
  const gone = Promise.withResolvers<never>();
  gone.promise.catch(() => undefined);
  response.once('close', () => gone.reject(new Error('the client went away')));
  const buffers = [Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK)] as const;
  const last = Math.floor(Math.min(range.end, sizeBytes - 1) / CHUNK);
  let writing: Promise<void> = Promise.resolve();
  let next = range.start;
  for (let index = Math.floor(range.start / CHUNK); index <= last; index++) {
    // While one buffer is read into, the other is on its way to the client.
    const bytes = await file.chunk(index, buffers[index % 2 === 0 ? 0 : 1]);
    await Promise.race([writing, gone.promise]);
    if (bytes === undefined) return response.headersSent ? { next } : 'nothing';
    if (!response.headersSent) response.writeHead(head.status, head.headers);
    const start = next - index * CHUNK;
    const wanted = bytes.subarray(start, Math.min(bytes.length, range.end + 1 - index * CHUNK));
    writing = write(response, wanted);
    next += wanted.length;
  }
  await Promise.race([writing, gone.promise]);
  response.end();
  return 'whole';
}

function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  const written = new Promise<void>((resolve, reject) => {
    response.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
  // It is awaited after the next chunk has been read.
  written.catch(() => undefined);
  return written;
}
