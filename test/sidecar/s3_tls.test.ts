import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { S3Blobs } from '../../src/cache/blobs/s3/s3_blobs.ts';
import { type S3Server, startS3Server } from '../support/s3_server.ts';
import { type Stand, save, startStand } from './stand.ts';

let store: S3Server;
let stand: Stand;
beforeAll(async () => {
  store = await startS3Server({ tls: true });
  stand = await startStand({ s3: store.options });
}, 900_000);
afterAll(async () => {
  await stand.close();
  await store.stop();
});

describe('an S3 store over TLS whose authority no system knows', () => {
  it('is reached by api and sidecar, which asks the api once for the authority', async () => {
    const bytes = randomBytes(6_000_000);
    for (const key of ['one', 'two']) {
      expect((await save(stand, key, 'ab', bytes)).body).toMatchObject({ ok: true });
      const { body } = await stand.twirp('GetCacheEntryDownloadURL', {
        key,
        restore_keys: [],
        version: 'ab',
      });
      const url = String(body.signed_download_url);
      expect(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(bytes)).toBe(true);
      const part = await fetch(url, { headers: { 'x-ms-range': 'bytes=100-2000000' } });
      expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(100, 2_000_001))).toBe(true);
    }
    expect(stand.seen.filter(({ path }) => path === '/v1/cache/store')).toHaveLength(1);
    expect(await store.keys()).toHaveLength(2);
  });

  it('is not believed without that authority', async () => {
    const blobs = await S3Blobs.open({ ...store.options, caFile: undefined });
    await expect(blobs.examine([crypto.randomUUID()])).rejects.toMatchObject({ code: 'unavailable' });
  });
});
