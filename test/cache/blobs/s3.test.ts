import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { S3Blobs } from '../../../src/cache/blobs/s3/s3_blobs.ts';
import { type S3Server, startS3Server } from '../../support/s3_server.ts';
import { blobsConformance } from './conformance.ts';

/** PUTs as a sidecar does: with the headers that were signed, and then that many bytes. */
function put(url: string, headers: Record<string, string>, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'PUT', headers }, async (answer) => {
      const said = await text(answer);
      if (answer.statusCode === 200) resolve(200);
      else reject(new Error(`${answer.statusCode}: ${said}`));
    });
    outgoing.once('error', reject);
    // The parser of the server takes no more than was announced; what is missing is found out by hanging up.
    outgoing.write(bytes.subarray(0, Number(headers['content-length'])), () => {
      if (bytes.length < Number(headers['content-length'])) outgoing.destroy(new Error('too short'));
    });
    if (bytes.length >= Number(headers['content-length'])) outgoing.end();
  });
}

blobsConformance('S3', async () => {
  const server = await startS3Server();
  const blobs = await S3Blobs.open(server.options);
  return {
    blobs,
    async put(blob, sizeBytes, bytes) {
      const { url, headers } = await blobs.direct.put(blob, sizeBytes);
      const length = bytes.length > sizeBytes ? { 'content-length': String(bytes.length) } : {};
      await put(url, { ...headers, ...length }, bytes);
    },
    async overwrite(blob, bytes) {
      const { S3Client, PutObjectCommand } = await import('@aws-sdk/client-s3');
      const { options } = server;
      const client = new S3Client({
        region: options.region,
        endpoint: options.endpoint ?? '',
        forcePathStyle: true,
        credentials: server.credentials,
      });
      await client.send(
        new PutObjectCommand({ Bucket: options.bucket, Key: options.prefix + blob, Body: bytes }),
      );
      client.destroy();
    },
    close: () => server.stop(),
  };
});

describe('a URL signed for S3', () => {
  let server: S3Server;
  let blobs: S3Blobs;
  beforeAll(async () => {
    server = await startS3Server();
    blobs = await S3Blobs.open(server.options);
  }, 900_000);
  afterAll(() => server.stop());

  const BLOB = '0f9a1b2c-3d4e-4f5a-8b6c-7d8e9f0a1b2c';

  it('is for one key, length, method and set of headers', async () => {
    const { url, headers } = await blobs.direct.put(BLOB, 4);
    const bytes = Buffer.from('four');
    expect(headers).toEqual({ 'content-length': '4', 'if-none-match': '*' });
    const { 'if-none-match': _, ...unconditional } = headers;
    await expect(put(url, unconditional, bytes)).rejects.toThrow(/^403/);
    await expect(put(url, { ...headers, 'content-length': '5' }, Buffer.from('fives'))).rejects.toThrow(
      /^403/,
    );
    const other = url.replace(BLOB, BLOB.replace('0', '1'));
    await expect(put(other, headers, bytes)).rejects.toThrow(/^403/);
    expect((await fetch(url)).status).toBe(403);
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(403);
    expect(await server.keys()).toEqual([]);
    await put(url, headers, bytes);
    expect(await server.keys()).toEqual([`harrier/${BLOB}`]);
    await expect(put(url, headers, bytes)).rejects.toThrow(/^412/);
  });

  it('ends after 15 minutes and holds no secret', async () => {
    const url = new URL(await blobs.direct.get(BLOB));
    expect(url.searchParams.get('X-Amz-Expires')).toBe('900');
    expect(url.href).not.toContain(server.credentials.secretAccessKey);
  });

  it('is not made for more than S3 takes in one PUT', async () => {
    await expect(blobs.direct.put(BLOB, 5 * 1024 ** 3)).resolves.toBeDefined();
    await expect(blobs.direct.put(BLOB, 5 * 1024 ** 3 + 1)).rejects.toMatchObject({
      code: 'cache-entry-too-large',
    });
  });

  it('reads credentials anew from their files', async () => {
    const moved = await S3Blobs.open({
      ...server.options,
      credentials: {
        accessKeyIdFile: join(server.folder, '..', 'none'),
        secretAccessKeyFile: join(server.folder, '..', 'none'),
      },
    }).catch((error: NodeJS.ErrnoException) => error.code);
    expect(moved).toBe('ENOENT');
    const file = server.options.credentials?.secretAccessKeyFile ?? '';
    await writeFile(file, 'another secret');
    const wrong = await S3Blobs.open(server.options);
    await expect(wrong.examine([BLOB])).rejects.toThrow();
    await writeFile(file, server.credentials.secretAccessKey);
    const right = await S3Blobs.open(server.options);
    expect((await right.examine([BLOB])).size).toBeLessThanOrEqual(1);
  });
});
