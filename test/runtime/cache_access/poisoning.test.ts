import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type CryptoKey, generateKeyPair, UnsecuredJWT } from 'jose';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cache, openCache } from '../../../src/cache/open.ts';
import { JOB_TOKEN_HEADER } from '../../../src/protocol/job_token.ts';
import type { Api } from '../../../src/runtime/server.ts';
import { buildCacheApi } from '../../support/cache_api.ts';
import { claimsOf, type Granted, type JobIssuer, startJobIssuer } from './job_issuer.ts';

/** Jobs of one pool, all with a runner's token of the same worth: what tells them apart is their forge's alone. */
const JOBS: Record<string, { repository: 0 | 1; granted: Granted[]; mayRestore: string[] }> = {
  main: { repository: 0, granted: [['refs/heads/main', 3]], mayRestore: ['main'] },
  pull: {
    repository: 0,
    granted: [
      ['refs/pull/7/merge', 3],
      ['refs/heads/main', 1],
    ],
    mayRestore: ['pull', 'main'],
  },
  sibling: {
    repository: 0,
    granted: [
      ['refs/heads/feature', 3],
      ['refs/heads/main', 1],
    ],
    mayRestore: ['sibling', 'main'],
  },
  stranger: { repository: 1, granted: [['refs/heads/main', 3]], mayRestore: ['stranger'] },
};
const NAMES = Object.keys(JOBS);
const BEARER = 'runner';
const WORDS = 12;

let issuer: JobIssuer;
let evilKey: CryptoKey;
let folder: string;
let cache: Cache;
let api: Api;
let runs = 0;

beforeAll(async () => {
  issuer = await startJobIssuer();
  evilKey = (await generateKeyPair('RS256')).privateKey;
  folder = await mkdtemp(join(tmpdir(), 'harrier-poison-'));
  cache = await openCache({ dataDir: folder, clock: Date.now, log: pino({ level: 'silent' }) });
  const runner = {
    enabled: true,
    tenant: 'ci/linux',
    pool: 'ci/linux',
    scopes: [{ name: 'default', permission: 'ReadWrite' as const }],
    jobIdentity: issuer.identity,
  };
  api = await buildCacheApi(cache, { [BEARER]: runner });
});
afterAll(async () => {
  await api.close();
  await cache.close();
  await rm(folder, { recursive: true });
  issuer.stop();
});

/** One run's world: two repositories that nobody has used, and everything that any job has learnt of the others. */
class World {
  readonly #repositories = [`${++runs}`, `${100_000 + runs}`] as const;
  readonly #tokens = new Map<string, Promise<string>>();
  readonly uploads: string[] = [];
  readonly urls = new Map<string, string[]>();
  written = 0;

  token(job: string): Promise<string> {
    const { repository, granted } = JOBS[job] as (typeof JOBS)[string];
    const known = this.#tokens.get(job) ?? issuer.token(this.#repositories[repository], granted);
    this.#tokens.set(job, known);
    return known;
  }

  /** Tokens that claim what `main` may, each forged in its own way. */
  async forged(job: string, how: number): Promise<string> {
    const { granted } = JOBS.main as (typeof JOBS)[string];
    const claims = claimsOf(this.#repositories[0], granted, { jti: 'forged' });
    if (how === 0) return new UnsecuredJWT(claims).encode();
    if (how === 1) return issuer.sign(claims, { key: evilKey, kid: issuer.kid });
    const [header, , signature] = (await this.token(job)).split('.');
    return `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
  }

  async ask(token: string | undefined, method: 'POST' | 'GET' | 'DELETE', url: string, payload?: object) {
    const headers = {
      authorization: `Bearer ${BEARER}`,
      ...(token === undefined ? {} : { [JOB_TOKEN_HEADER]: token }),
    };
    const answer = await api.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
    return { status: answer.statusCode, body: answer.body === '' ? {} : answer.json() };
  }

  upload(place: number): string {
    return this.uploads.length === 0
      ? crypto.randomUUID()
      : (this.uploads[place % this.uploads.length] ?? '');
  }
}

const KEYS = ['k', 'k-1', 'k-12', 'refs/heads/main', '../refs/heads/main', '%', 'k\u0301'];
const VERSIONS = ['a', 'b'];
const place = fc.nat(12);
const who = fc.constantFrom(...NAMES);
const what = { key: fc.constantFrom(...KEYS), version: fc.constantFrom(...VERSIONS) };
const act = fc.oneof(
  fc.record({ do: fc.constant('begin' as const), who, ...what }),
  fc.record({ do: fc.constant('put' as const), who, upload: place, number: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constant('putAgain' as const), who, url: place }),
  fc.record({
    do: fc.constant('commit' as const),
    who,
    upload: place,
    parts: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ do: fc.constant('release' as const), who, upload: place }),
  fc.record({ do: fc.constant('restore' as const), who, ...what }),
  fc.record({ do: fc.constant('forge' as const), who, how: fc.nat(3), upload: place, ...what }),
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

/** The bytes of a part: whose they are can be read off any restored entry. */
function bytesOf(job: string, world: World): Buffer {
  return Buffer.from(`${job}:${++world.written}`.padEnd(WORDS, '.'));
}

function put(url: string, bytes: Buffer) {
  const headers = { 'content-type': 'application/octet-stream' };
  return api.inject({ method: 'PUT', url, headers, payload: bytes });
}

async function perform(world: World, one: Act): Promise<void> {
  const token = await world.token(one.who);
  switch (one.do) {
    case 'begin': {
      const { key, version } = one;
      const { body } = await world.ask(token, 'POST', '/v1/cache/uploads', { key, version });
      if (body.uploadId !== undefined) world.uploads.push(body.uploadId);
      return;
    }
    case 'put': {
      const wanted = { parts: [{ number: one.number, sizeBytes: WORDS }] };
      const path = `/v1/cache/uploads/${world.upload(one.upload)}/parts`;
      const { body } = await world.ask(token, 'POST', path, wanted);
      const url = body.parts?.[0]?.url as string | undefined;
      if (url === undefined) return;
      world.urls.set(one.who, [...(world.urls.get(one.who) ?? []), url]);
      expect((await put(url, bytesOf(one.who, world))).statusCode).toBe(201);
      return;
    }
    case 'putAgain': {
      const own = world.urls.get(one.who) ?? [];
      const url = own[one.url % Math.max(1, own.length)];
      if (url !== undefined) await put(url, bytesOf('again', world));
      return;
    }
    case 'commit': {
      const sizeBytes = one.parts.length * WORDS;
      const path = `/v1/cache/uploads/${world.upload(one.upload)}/commit`;
      await world.ask(token, 'POST', path, { sizeBytes, parts: one.parts });
      return;
    }
    case 'release':
      await world.ask(token, 'DELETE', `/v1/cache/uploads/${world.upload(one.upload)}`);
      return;
    case 'restore':
      return restore(world, one.who, one.key, one.version);
    case 'forge': {
      const forged = one.how === 3 ? undefined : await world.forged(one.who, one.how);
      const { key, version } = one;
      const path = `/v1/cache/uploads/${world.upload(one.upload)}`;
      const read = await world.ask(forged, 'POST', '/v1/cache/lookup', { keys: [key], version });
      expect(read).toMatchObject({
        status: 403,
        body: { detail: expect.stringMatching(/^cache read denied: /) },
      });
      const listed = await world.ask(forged, 'GET', '/v1/cache/entries');
      expect(listed).toMatchObject({
        status: 403,
        body: { detail: expect.stringMatching(/^cache read denied: /) },
      });
      const writes = [
        await world.ask(forged, 'POST', '/v1/cache/uploads', { key, version }),
        await world.ask(forged, 'POST', `${path}/parts`, { parts: [{ number: 1, sizeBytes: WORDS }] }),
        await world.ask(forged, 'POST', `${path}/commit`, { sizeBytes: WORDS, parts: [1] }),
        await world.ask(forged, 'DELETE', path),
      ];
      for (const write of writes)
        expect(write).toMatchObject({
          status: 403,
          body: { detail: expect.stringMatching(/^cache write denied: /) },
        });
    }
  }
}

/** Whatever is found is of a job that this one may restore from, to the last byte. */
async function restore(world: World, job: string, key: string, version: string): Promise<void> {
  const token = await world.token(job);
  const keys = [key, ...KEYS.slice(0, 3)];
  const { status, body } = await world.ask(token, 'POST', '/v1/cache/lookup', { keys, version });
  expect(status).toBe(200);
  if (!body.hit) return;
  const { payload } = await api.inject({ method: 'GET', url: body.url });
  for (const word of payload.match(new RegExp(`.{${WORDS}}`, 'g')) ?? ['nothing'])
    expect(JOBS[job]?.mayRestore, `${job} restored ${payload}`).toContain(word.split(':')[0]);
}

/** Saves as a client does, and tells in what bytes. */
async function save(world: World, job: string, key: string, version: string): Promise<string | undefined> {
  const token = await world.token(job);
  const { body } = await world.ask(token, 'POST', '/v1/cache/uploads', { key, version });
  if (body.uploadId === undefined) return undefined;
  const path = `/v1/cache/uploads/${body.uploadId}`;
  const offered = await world.ask(token, 'POST', `${path}/parts`, {
    parts: [{ number: 1, sizeBytes: WORDS }],
  });
  const bytes = bytesOf(job, world);
  await put(offered.body.parts[0].url, bytes);
  await world.ask(token, 'POST', `${path}/commit`, { sizeBytes: WORDS, parts: [1] });
  return bytes.toString();
}

async function bytesFound(
  world: World,
  job: string,
  key: string,
  version = 'a',
): Promise<string | undefined> {
  const { body } = await world.ask(await world.token(job), 'POST', '/v1/cache/lookup', {
    keys: [key],
    version,
  });
  return body.hit ? (await api.inject({ method: 'GET', url: body.url })).payload : undefined;
}

describe('a pull request', () => {
  it('restores what the default branch saved, and saves for itself alone', async () => {
    const world = new World();
    const mains = await save(world, 'main', 'k', 'a');
    expect(await bytesFound(world, 'pull', 'k')).toBe(mains);
    const pulls = await save(world, 'pull', 'k-1', 'a');
    expect(await bytesFound(world, 'pull', 'k-1')).toBe(pulls);
    for (const job of ['main', 'sibling']) expect(await bytesFound(world, job, 'k-1')).toBeUndefined();
    expect(await bytesFound(world, 'stranger', 'k')).toBeUndefined();
  });

  it('does not keep the default branch from the keys that it has taken for itself', async () => {
    const world = new World();
    await save(world, 'pull', 'k', 'a');
    const mains = await save(world, 'main', 'k', 'a');
    expect(await bytesFound(world, 'main', 'k')).toBe(mains);
  });

  it.each(['parts', 'commit', 'release'])(
    'that has learnt of an upload of the default branch does not reach it: %s',
    async (how) => {
      const world = new World();
      const token = await world.token('main');
      const { body } = await world.ask(token, 'POST', '/v1/cache/uploads', { key: 'k', version: 'a' });
      const path = `/v1/cache/uploads/${body.uploadId}`;
      const part = { parts: [{ number: 1, sizeBytes: WORDS }] };
      const offered = await world.ask(token, 'POST', `${path}/parts`, part);
      const bytes = bytesOf('main', world);
      await put(offered.body.parts[0].url, bytes);
      for (const job of ['pull', 'sibling', 'stranger']) {
        const evil = await world.token(job);
        const tried =
          how === 'release'
            ? await world.ask(evil, 'DELETE', path)
            : how === 'parts'
              ? await world.ask(evil, 'POST', `${path}/parts`, part)
              : await world.ask(evil, 'POST', `${path}/commit`, { sizeBytes: WORDS, parts: [1] });
        expect(tried.status, job).toBe(404);
      }
      const done = await world.ask(token, 'POST', `${path}/commit`, { sizeBytes: WORDS, parts: [1] });
      expect(done.status).toBe(200);
      expect(await bytesFound(world, 'main', 'k')).toBe(bytes.toString());
    },
  );
});

it('whatever jobs do in whatever order, nobody restores what another branch or repository saved', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 35, size: 'max' }), async (acts) => {
      const world = new World();
      for (const one of acts) await perform(world, one);
      for (const job of NAMES)
        for (const key of KEYS) for (const version of VERSIONS) await restore(world, job, key, version);
    }),
    { numRuns: 25 },
  );
});
