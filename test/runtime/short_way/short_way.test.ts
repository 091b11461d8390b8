import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Cache, openCache } from '../../../src/cache/open.ts';
import type { Caller } from '../../../src/runtime/authenticate.ts';
import { createCallerAccess } from '../../../src/runtime/cache_access/caller_access.ts';
import { cacheRoutes } from '../../../src/runtime/routes/cache.ts';
import { runnerRoutes } from '../../../src/runtime/routes/runner.ts';
import type { ApiPlugin } from '../../../src/runtime/server.ts';
import { TokenRefused } from '../../../src/tokens/refusal.ts';
import { aToken } from '../../tokens/builders.ts';
import { anApi, type TestApi, type TestApiOptions } from '../builders.ts';

/** Which way each of its requests went. */
const went = { short: 0, usual: 0 };
const counted: ApiPlugin = async (app) => {
  const answer = ({ claims }: Caller, body: { word: string; wait?: number | undefined }) => {
    if (body.word === 'only the handler') return undefined;
    if (body.word === 'no word') throw new Error('no word');
    const said = { said: body.word === 'promise nothing' ? 7 : body.word, by: claims.jti };
    return body.wait === undefined ? said : sleep(body.wait, said);
  };
  app.post(
    '/counted',
    {
      config: {
        states: ['Idle'],
        shortWay: (caller: Caller, body: { word: string }) => {
          went.short++;
          return answer(caller, body);
        },
      },
      schema: {
        body: z.strictObject({ word: z.string().default('nothing'), wait: z.number().optional() }),
        response: { 200: z.object({ said: z.string() }) },
      },
    },
    async (request) => {
      went.usual++;
      return ((await answer(request.caller, request.body)) ?? { said: 'x' }) as { said: string };
    },
  );
};

let folder: string;
let cache: Cache;
let api: TestApi;
let url: string;
let authorization: string;

async function start(options: Omit<TestApiOptions, 'routes'> = {}) {
  await api?.app.close();
  api = await anApi({
    level: 'info',
    ...options,
    routes: () => [
      counted,
      cacheRoutes(
        cache,
        createCallerAccess(() => Promise.reject(new Error('no job sends a token here'))),
      ),
      runnerRoutes(async (_token, said) => ({ ...said, since: '2026-11-21T08:00:00.000Z' })),
    ],
  });
  url = await api.app.listen({ host: '127.0.0.1', port: 0 });
  ({ authorization } = await api.runner());
  // The signature of a token is checked at its first request; from then on it is remembered.
  await api.app.inject({ url: '/v1/runner', headers: { authorization } });
  went.short = 0;
  went.usual = 0;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-short-way-'));
  // A clock that stands still: signed URLs are of the half minute in which they are asked for.
  const now = Date.now();
  cache = await openCache({ dataDir: folder, clock: () => now, log: pino({ level: 'silent' }) });
  await start();
});

afterEach(async () => {
  await api.app.close();
  await cache.close();
  await rm(folder, { recursive: true });
});

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

/** Headers of the connection, and what is different in each answer, left out. */
function comparable({ status, headers, body }: Answer): Answer {
  const { date, connection, 'keep-alive': keepAlive, 'transfer-encoding': encoding, ...others } = headers;
  return { status, headers: others, body: body.replace(/"instance":"[^"]*"/, '"instance":"…"') };
}

/** Over the network, where the short way is tried first. */
function overNetwork(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': body.length };
    const request = httpRequest(`${url}${path}`, { method, headers: { ...length, ...headers } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Fastify is asked without its server, so this is the usual way. */
async function byFastify(method: string, path: string, headers: Record<string, string>, body?: Buffer) {
  const options = { method: method as 'GET', url: path, headers, ...(body && { payload: body }) };
  const answer = await api.app.inject(options);
  return { status: answer.statusCode, headers: answer.headers, body: answer.body };
}

async function sameBothWays(path: string, body: Buffer | string, headers: Record<string, string> = {}) {
  const bytes = Buffer.from(body as string);
  const all = { authorization, 'content-type': 'application/json', ...headers };
  const [network, fastify] = [
    await overNetwork('POST', path, all, bytes),
    await byFastify('POST', path, all, bytes),
  ];
  expect(comparable(network)).toEqual(comparable(fastify));
  return network;
}

async function save(key: string) {
  const post = async (path: string, body: unknown) => {
    const answer = await sendJson(path, body);
    expect(answer.status, answer.body).toBeLessThan(300);
    return JSON.parse(answer.body);
  };
  const { uploadId } = await post('/v1/cache/uploads', { key, version: 'abcd' });
  const { parts } = await post(`/v1/cache/uploads/${uploadId}/parts`, {
    parts: [{ number: 1, sizeBytes: 1 }],
  });
  const { searchParams, pathname } = new URL(parts[0].url, url);
  await cache.write(
    pathname.slice(pathname.lastIndexOf('/') + 1),
    Number(searchParams.get('size')),
    Readable.from(['x']),
  );
  await post(`/v1/cache/uploads/${uploadId}/commit`, { sizeBytes: 1, parts: [1] });
}

const sendJson = (path: string, body: unknown) =>
  overNetwork(
    'POST',
    path,
    { authorization, 'content-type': 'application/json' },
    Buffer.from(JSON.stringify(body)),
  );

describe('answers what Fastify answers', () => {
  beforeEach(async () => {
    for (const key of ['npm-linux-1', 'npm-linux-22', 'npm-ü-"quoted"']) await save(key);
  });

  it.each([
    ['a hit', { keys: ['npm-linux-1'], version: 'abcd' }, 200],
    ['a hit by a restore key', { keys: ['npm-linux-1-x', 'npm-'], version: 'abcd' }, 200],
    ['a key that needs escapes', { keys: ['npm-ü-"quoted"'], version: 'abcd' }, 200],
    ['a miss', { keys: ['cargo'], version: 'abcd' }, 200],
    ['a key with a comma', { keys: ['a,b'], version: 'abcd' }, 400],
    ['a version that is none', { keys: ['npm'], version: 'x' }, 400],
    ['no keys', { keys: [], version: 'abcd' }, 422],
    ['eleven keys', { keys: Array.from({ length: 11 }, () => 'npm'), version: 'abcd' }, 422],
    ['a field too many', { keys: ['npm'], version: 'abcd', tenant: 'other' }, 422],
    ['a number for a key', { keys: [1], version: 'abcd' }, 422],
    ['null', null, 422],
    ['a list', [], 422],
  ])('to a look-up: %s', async (_what, body, status) => {
    const answer = await sameBothWays('/v1/cache/lookup', JSON.stringify(body));
    expect(answer.status).toBe(status);
  });

  it.each([
    ['nothing', ''],
    ['half an object', '{"keys":["npm"'],
    ['a byte order mark', '\ufeff{"keys":["npm"],"version":"abcd"}'],
    ['a poisoned prototype', '{"keys":["npm"],"version":"abcd","__proto__":{"hit":true}}'],
    ['a poisoned constructor', '{"keys":["npm"],"version":"abcd","constructor":{"prototype":{}}}'],
    ['a key twice', '{"keys":["npm"],"version":"x","version":"abcd"}'],
    [
      'bytes that are no text',
      Buffer.from('7b226b657973223a5b22ff225d2c2276657273696f6e223a226162227d', 'hex'),
    ],
    ['more than a control message may have', JSON.stringify({ keys: ['x'.repeat(70_000)], version: 'a' })],
    ['more than has a short way', JSON.stringify({ keys: ['x'.repeat(20_000)], version: 'a' })],
  ])('to a body that is %s', async (_what, body) => {
    await sameBothWays('/v1/cache/lookup', body);
  });

  it.each([
    ['text/plain'],
    ['application/json; charset=utf-8'],
    ['application/json;charset=latin1'],
    ['APPLICATION/JSON'],
    ['application/jsonp'],
    [''],
  ])('to a body of type %s', async (type) => {
    const body = JSON.stringify({ keys: ['npm-'], version: 'abcd' });
    await sameBothWays('/v1/cache/lookup', body, { 'content-type': type });
  });

  it('to any JSON', { timeout: 60_000 }, async () => {
    const key = fc.oneof(fc.constantFrom('npm-linux-1', 'npm-', 'cargo'), fc.string());
    const question = fc.record({
      keys: fc.array(key, { maxLength: 11 }),
      version: fc.constantFrom('abcd', 'A1', 'x'),
    });
    const body = fc.oneof(
      question,
      fc.json().map((text) => JSON.parse(text) as unknown),
      fc.object(),
    );
    await fc.assert(
      fc.asyncProperty(body, async (any) => {
        await sameBothWays('/v1/cache/lookup', JSON.stringify(any));
      }),
      { numRuns: 150 },
    );
  });

  it('to who am I', async () => {
    const [network, fastify] = [
      await overNetwork('GET', '/v1/runner', { authorization }),
      await byFastify('GET', '/v1/runner', { authorization }),
    ];
    expect(comparable(network)).toEqual(comparable(fastify));
    expect(JSON.parse(network.body).runner.name).toBe('linux-0-abcde');
  });
});

it('is taken by a good question, and by no other', async () => {
  expect(JSON.parse((await sendJson('/counted', { word: 'hello' })).body)).toEqual({ said: 'hello' });
  expect(went).toEqual({ short: 1, usual: 0 });
  await sendJson('/counted?word=hello', { word: 'hello' });
  await sendJson('/counted', { word: 1 });
  expect(went).toEqual({ short: 1, usual: 1 });
});

it.each([
  ['only the handler', 200],
  ['no word', 500],
  ['promise nothing', 500],
])('goes on to the handler: %s', async (word, status) => {
  const answer = await sameBothWays('/counted', JSON.stringify({ word }));
  expect(answer.status).toBe(status);
  expect(went).toEqual({ short: 1, usual: 2 });
});

it('fills in what the schema fills in, and waits for an answer', async () => {
  const answer = await sameBothWays('/counted', JSON.stringify({ wait: 5 }));
  expect(JSON.parse(answer.body)).toEqual({ said: 'nothing' });
  expect(went).toEqual({ short: 1, usual: 1 });
});

describe('believes a remembered token no longer than the usual way does', () => {
  const ask = () => sendJson('/counted', { word: 'hello' });
  beforeEach(async () => {
    expect((await ask()).status).toBe(200);
    expect(went).toEqual({ short: 1, usual: 0 });
  });
  const refused = async (status: number) => {
    const answer = await ask();
    expect(answer.status).toBe(status);
    expect(went).toEqual({ short: 1, usual: 0 });
  };

  it('once the token is revoked', async () => {
    const token = aToken();
    token.metadata.resourceVersion = '2';
    token.status = { ...token.status, phase: 'Revoked', conditions: [] };
    api.tokens.store.set(token);
    await refused(401);
    expect(await api.refused('revoked-token')).toBe(1);
  });

  it('once its pod is gone', async () => {
    for (const pod of api.pods.store.list()) api.pods.store.delete(pod);
    await refused(401);
    expect(await api.refused('dead-pod')).toBe(1);
  });

  it('once its runner is in another state', async () => {
    const token = aToken();
    token.metadata.resourceVersion = '2';
    token.status = {
      ...token.status,
      phase: 'Active',
      conditions: [],
      runner: { state: 'Terminated', since: '2026-11-21T07:30:00Z' },
    };
    api.tokens.store.set(token);
    // It is looked at anew before it is told, and the apiserver is not there.
    await refused(401);
  });

  it('while the watch is broken', async () => {
    api.tokens.connected = false;
    await refused(401);
    expect(await api.refused('unverifiable')).toBe(1);
  });

  it('with a character changed', async () => {
    authorization = authorization.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    await refused(401);
  });

  it('without it', async () => {
    authorization = '';
    await refused(401);
  });
});

it('asks the apiserver no oftener than the usual way does', async () => {
  let asked = 0;
  await start({
    heard: () => false,
    ask: async () => {
      asked++;
      throw new TokenRefused('unverifiable');
    },
  });
  const before = asked;
  await sendJson('/counted', { word: 'hello' });
  expect(asked - before).toBe(1);
});

it('counts an answer as the usual way does', async () => {
  await sendJson('/counted', { word: 'hello' });
  const text = await api.metrics.registry.metrics();
  expect(text).toContain('duration_seconds_count{method="POST",route="/counted",status="200"} 1');
});

it('is closed where a limit counts each request', async () => {
  await start({ limits: { requestsPerSecond: 1 } });
  const statuses = [];
  for (let index = 0; index < 8; index++) statuses.push((await sendJson('/counted', { word: 'a' })).status);
  expect(statuses).toContain(429);
  expect(went.short).toBe(0);
});

describe('on a connection', () => {
  let socket: Socket;
  let received = '';
  beforeEach(async () => {
    received = '';
    socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.setEncoding('utf8').on('data', (text) => {
      received += text;
    });
    await once(socket, 'connect');
  });
  afterEach(() => socket.destroy());

  const head = (length: number) =>
    `POST /counted HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
  const until = async (holds: () => boolean) => {
    while (!holds()) await sleep(5);
  };

  it('puts a body together that comes in pieces', async () => {
    const body = Buffer.from('{"word":"ünïcode"}');
    socket.write(head(body.length));
    for (const byte of body) {
      socket.write(Buffer.of(byte));
      await sleep(1);
    }
    await until(() => received.endsWith('}'));
    expect(received).toContain('{"said":"ünïcode"}');
    expect(went).toEqual({ short: 1, usual: 0 });
  });

  it('answers in the order of the questions, whichever way they go', async () => {
    const bodies = [
      '{"word":"a","wait":30}',
      '{"word":1}',
      '{"word":"c"}',
      '{"word":"only the handler"}',
      '{"word":"e"}',
    ];
    socket.write(bodies.map((body) => head(body.length) + body).join(''));
    await until(() => received.includes('"e"'));
    expect(received.match(/HTTP\/1\.1 \d+|"said":"\w"/g)).toEqual([
      ...['HTTP/1.1 200', '"said":"a"', 'HTTP/1.1 422', 'HTTP/1.1 200', '"said":"c"'],
      ...['HTTP/1.1 200', '"said":"x"', 'HTTP/1.1 200', '"said":"e"'],
    ]);
  });

  it('forgets a body that never ends', async () => {
    socket.write(`${head(100)}{"word":`);
    await sleep(20);
    socket.destroy();
    expect(JSON.parse((await sendJson('/counted', { word: 'next' })).body)).toEqual({ said: 'next' });
    expect(went).toEqual({ short: 1, usual: 0 });
  });

  it('closes while the server does', async () => {
    const body = '{"word":"last","wait":50}';
    socket.write(head(body.length) + body);
    await until(() => went.short === 1);
    // From here on: the connection may be gone before the second question is on its way, or under it.
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    const closed = api.app.close();
    await until(() => received.endsWith('}'));
    expect(received).toContain('"said":"last"');
    socket.write(head(body.length) + body);
    await Promise.all([closed, ended]);
    expect(went.short).toBe(1);
  });
});

it('refuses a route whose checks it would leave out', async () => {
  const limited: ApiPlugin = async (app) => {
    app.post(
      '/limited',
      {
        config: { states: ['Idle'], shortWay: () => ({}), rateLimit: { max: 1 } },
        schema: { response: { 200: z.object({}) } },
      },
      () => ({}),
    );
  };
  await expect(anApi({ level: 'info', routes: () => [limited] })).rejects.toThrow('/limited has a check');
});
