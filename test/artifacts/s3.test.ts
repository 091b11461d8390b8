import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type S3Server, startS3Server } from '../support/s3_server.ts';
import { type ArtifactStand, startArtifactStand } from './stand.ts';

let store: S3Server;
let stand: ArtifactStand;
beforeAll(async () => {
  store = await startS3Server();
  stand = await startArtifactStand({ s3: store.options });
}, 900_000);
afterAll(async () => {
  await stand.close();
  await store.stop();
});

it('goes to S3 and comes from it without passing the api, and is gone from it when it is deleted', async () => {
  const ids = { workflow_run_backend_id: 'r', workflow_job_run_backend_id: 'j' };
  const named = { ...ids, name: 'a' };
  const blocks = [3, 2, 1].map((size) => randomBytes(size * 1024 * 1024 + 1));
  const bytes = Buffer.concat(blocks);
  const created = await stand.twirp('pod-1', 'CreateArtifact', { ...named, version: 7 });
  const url = String(created.body.signed_upload_url);
  for (const [index, block] of [...blocks.entries()].reverse()) {
    const put = await fetch(`${url}&comp=block&blockid=b${index}`, { method: 'PUT', body: block });
    expect(put.status, await put.text()).toBe(201);
  }
  const list = blocks.map((_, index) => `<Latest>b${index}</Latest>`).join('');
  const put = await fetch(`${url}&comp=blocklist`, {
    method: 'PUT',
    body: `<BlockList>${list}</BlockList>`,
  });
  expect(put.status).toBe(201);
  const hash = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const size = String(bytes.length);
  const done = await stand.twirp('pod-1', 'FinalizeArtifact', { ...named, size, hash });
  expect(done).toMatchObject({ status: 200, body: { ok: true } });

  const signed = await stand.twirp('pod-2', 'GetSignedArtifactURL', named);
  const got = await fetch(String(signed.body.signed_url));
  expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true);
  const across = { headers: { range: `bytes=${3 * 1024 * 1024 - 5}-${3 * 1024 * 1024 + 5}` } };
  const part = await fetch(String(signed.body.signed_url), across);
  const expected = bytes.subarray(3 * 1024 * 1024 - 5, 3 * 1024 * 1024 + 6);
  expect(Buffer.from(await part.arrayBuffer()).equals(expected)).toBe(true);
  // Of the api's paths for bytes only the one that lists the parts was asked for.
  const paths = stand.seen.map(({ path }) => path).filter((path) => path.startsWith('/v1/blobs/'));
  expect(paths.every((path) => /^\/v1\/blobs\/artifacts\/\d+\/parts$/.test(path))).toBe(true);
  expect(paths.length).toBeGreaterThan(0);

  const [artifact] = await stand.index.list('acme/app', 'r', {}, Date.now(), 1);
  const content = await stand.index.content('acme/app', artifact?.id ?? '', Date.now());
  const names = content?.blobs.map((one) => one.blob) ?? [];
  expect((await stand.cache.stores.blobs.examine(names)).size).toBe(3);
  await stand.twirp('pod-1', 'DeleteArtifact', named);
  expect((await stand.cache.stores.blobs.examine(names)).size).toBe(0);
});
