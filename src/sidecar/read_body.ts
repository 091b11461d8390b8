import type { Readable } from 'node:stream';
import { Refused } from './refusal.ts';

/** The whole body, refused as soon as it passes `limit` bytes. */
export function readBody(stream: Readable, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        stream.removeAllListeners('data');
        // Reading on and dropping lets a client that is still sending see the answer instead of a reset.
        stream.resume();
        reject(new Refused('body-too-large', 413, `the body is larger than ${limit} bytes`));
        return;
      }
      chunks.push(chunk);
    });
    stream.once('end', () => resolve(Buffer.concat(chunks)));
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the body ended early')));
  });
}

/** Parses a JSON object; anything else is a bad request. */
export function parseObject(body: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new Refused('bad-request', 400, 'the body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refused('bad-request', 400, 'the body is not a JSON object');
  return value as Record<string, unknown>;
}
