import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBinary, decodeJson, encodeBinary } from '../../src/sidecar/twirp_messages.ts';
import { CACHE_SERVICE, type Stand, startStand } from './stand.ts';

/** The part of the stock client's generated message types that is used here. */
interface MessageType {
  toBinary(message: object): Uint8Array;
  fromBinary(bytes: Uint8Array): Record<string, unknown>;
  create(message: object): object;
}

// The schema that the stock client was generated with; the package exports only its entry, so by path.
const client = fileURLToPath(import.meta.resolve('@actions/cache'));
const schema = pathToFileURL(join(client, '../generated/results/api/v1/cache.js')).href;
const messages = (await import(schema)) as Record<string, MessageType>;

function type(name: string): MessageType {
  const found = messages[name];
  if (found === undefined) throw new Error(`the client's schema has no ${name}`);
  return found;
}

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.close());

async function exchange(method: string, message: object): Promise<Record<string, unknown>> {
  const request = type(`${method}Request`);
  const answer = await fetch(`${stand.url}${CACHE_SERVICE}/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/protobuf' },
    body: Buffer.from(request.toBinary(request.create(message))),
  });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/protobuf']);
  return type(`${method}Response`).fromBinary(new Uint8Array(await answer.arrayBuffer()));
}

describe('protobuf', () => {
  it('saves and finds an entry as OpenDAL does, metadata skipped', async () => {
    const metadata = { repositoryId: '7', scope: [{ scope: 'refs/heads/evil', permission: '3' }] };
    const key = 'sccache/a/b';
    const created = await exchange('CreateCacheEntry', { metadata, key, version: 'ab' });
    expect(created).toMatchObject({
      ok: true,
      signedUploadUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:/),
    });
    const url = new URL(String(created.signedUploadUrl));
    // OpenDAL takes container and path apart and refuses a URL without a query.
    expect(url.pathname.split('/').length).toBeGreaterThanOrEqual(4);
    for (const id of ['AAAAAAAAAAAAAAAAAAAAAA==', 'AQAAAAAAAAAAAAAAAAAAAA==']) {
      const block = `${url.origin}${url.pathname}?comp=block&blockid=${encodeURIComponent(id)}&${url.search.slice(1)}`;
      expect((await fetch(block, { method: 'PUT', body: id })).status).toBe(201);
    }
    const list =
      '<BlockList><Latest>AQAAAAAAAAAAAAAAAAAAAA==</Latest><Latest>AAAAAAAAAAAAAAAAAAAAAA==</Latest></BlockList>';
    expect((await fetch(`${url}&comp=blocklist`, { method: 'PUT', body: list })).status).toBe(201);
    const done = await exchange('FinalizeCacheEntryUpload', {
      metadata,
      key,
      version: 'ab',
      sizeBytes: '48',
    });
    expect(done).toMatchObject({ ok: true, entryId: expect.stringMatching(/^[1-9]\d*$/) });

    const found = await exchange('GetCacheEntryDownloadURL', {
      key: 'sccache/a/c',
      restoreKeys: ['none', 'sccache/'],
      version: 'ab',
    });
    expect(found).toMatchObject({ ok: true, matchedKey: key });
    const stat = await fetch(String(found.signedDownloadUrl), { headers: { range: 'bytes=0-0' } });
    expect([stat.status, stat.headers.get('content-range')]).toEqual([206, 'bytes 0-0/48']);
    const bytes = await (await fetch(String(found.signedDownloadUrl))).text();
    expect(bytes).toBe('AQAAAAAAAAAAAAAAAAAAAA==AAAAAAAAAAAAAAAAAAAAAA==');
  });

  it('misses with ok false', async () => {
    expect(await exchange('GetCacheEntryDownloadURL', { key: 'absent', version: 'ab' })).toMatchObject({
      ok: false,
      signedDownloadUrl: '',
    });
  });

  it('answers bytes that are no message with malformed, as JSON', async () => {
    const answer = await fetch(`${stand.url}${CACHE_SERVICE}/CreateCacheEntry`, {
      method: 'POST',
      headers: { 'content-type': 'application/protobuf' },
      body: Buffer.from([0x12, 0xff, 0xff]),
    });
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'malformed' }]);
  });
});

describe('messages', () => {
  const size = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

  it('are read as the client`s own schema writes them', () => {
    const get = type('GetCacheEntryDownloadURLRequest');
    const finalize = type('FinalizeCacheEntryUploadRequest');
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.array(fc.string()),
        size,
        (key, version, restoreKeys, bytes) => {
          const read = decodeBinary(get.toBinary(get.create({ key, version, restoreKeys })), {
            2: 'key',
            3: 'restore_keys',
            4: 'version',
          });
          expect(read).toEqual({ key, version, restoreKeys, sizeBytes: 0 });
          const message = finalize.create({ key, version, sizeBytes: String(bytes) });
          const shape = { 2: 'key', 3: 'size_bytes', 4: 'version' } as const;
          expect(decodeBinary(finalize.toBinary(message), shape)).toEqual({
            key,
            version,
            restoreKeys: [],
            sizeBytes: bytes,
          });
        },
      ),
    );
  });

  it('are written as the client`s own schema reads them', () => {
    fc.assert(
      fc.property(fc.boolean(), size, fc.string(), (ok, id, message) => {
        const bytes = encodeBinary([
          ['ok', ok],
          ['entry_id', id === 0 ? '' : String(id)],
          ['message', message],
        ]);
        const read = type('FinalizeCacheEntryUploadResponse').fromBinary(bytes);
        expect(read).toMatchObject({ ok, entryId: String(id), message });
      }),
    );
  });

  it.each([
    ['a string', { size_bytes: '5' }, 5],
    ['a number', { size_bytes: 5 }, 5],
    ['camelCase', { sizeBytes: '5' }, 5],
    ['absent', {}, 0],
  ])('take size_bytes as %s', (_what, body, expected) => {
    expect(decodeJson({ key: 'k', version: 'a', ...body }).sizeBytes).toBe(expected);
  });

  it.each([
    [{ size_bytes: 'five' }],
    [{ size_bytes: 1.5 }],
    [{ restore_keys: 'a' }],
    [{ restore_keys: [1] }],
  ])('refuse %j', (body) => {
    expect(() => decodeJson({ key: 'k', version: 'a', ...body })).toThrow('wrong type');
  });
});
