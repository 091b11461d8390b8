import { randomBytes } from 'node:crypto';
import { readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stand, save, startStand } from '../../sidecar/stand.ts';
import { type S3Server, startS3Server } from '../../support/s3_server.ts';

let server: S3Server;
let stand: Stand;
beforeAll(async () => {
  server = await startS3Server();
  stand = await startStand({ s3: server.options });
}, 900_000);
afterAll(async () => {
  await stand.close();
  await server.stop();
});

const BYTES = randomBytes(100_000);

/** Saves an entry; answers the file that the server keeps its object in. */
async function saved(key: string): Promise<string> {
  const before = new Set(await server.keys());
  await save(stand, key, 'ab', BYTES);
  const [added = ''] = (await server.keys()).filter((one) => !before.has(one));
  return join(server.folder, added);
}
const lookup = (key: string) =>
  stand.twirp('GetCacheEntryDownloadURL', { key, restore_keys: [], version: 'ab' });

it('misses an entry whose object is gone', async () => {
  await unlink(await saved('gone'));
  stand.advance(60_000);
  expect((await lookup('gone')).body).toMatchObject({ ok: false });
  expect((await save(stand, 'gone', 'ab', BYTES)).body).toMatchObject({ ok: true });
  expect((await lookup('gone')).body).toMatchObject({ ok: true });
});

it('misses an entry whose object is cut', async () => {
  const file = await saved('cut');
  await writeFile(file, BYTES.subarray(0, 1000));
  stand.advance(60_000);
  expect((await lookup('cut')).body).toMatchObject({ ok: false });
});

it('never gives rotten bytes away as whole, and finds out by the first that meets them', {
  timeout: 60_000,
}, async () => {
  const file = await saved('rotten');
  const bytes = await readFile(file);
  bytes[50_000] = (bytes[50_000] ?? 0) ^ 1;
  // Behind the server's back, so that it vouches for the object with the same ETag as before.
  await writeFile(file, bytes);
  stand.advance(60_000);
  const found = await lookup('rotten');
  expect(found.body).toMatchObject({ ok: true });
  const restore = fetch(String(found.body.signed_download_url)).then((answer) => answer.arrayBuffer());
  await expect(restore).rejects.toThrow();
  await expect.poll(async () => (await lookup('rotten')).body.ok, { timeout: 40_000 }).toBe(false);
});

it('finds rotten bytes that nobody asks for', async () => {
  const file = await saved('forgotten');
  const bytes = await readFile(file);
  bytes[7] = (bytes[7] ?? 0) ^ 1;
  await writeFile(file, bytes);
  const outcomes: Record<string, string> = {};
  for await (const { entry, outcome } of stand.cache.verify()) outcomes[entry.key] = outcome;
  expect(outcomes).toMatchObject({ gone: 'sound', forgotten: 'corrupt' });
});
