import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, ShortWayStand } from './stand.ts';

const stand = new ShortWayStand();
beforeEach(() => stand.open());
afterEach(() => stand.close());

/** Headers of the connection, and what is different in each answer, left out. */
function comparable({ status, headers, body }: Answer): Answer {
  const { date, connection, 'keep-alive': keepAlive, 'transfer-encoding': encoding, ...others } = headers;
  return { status, headers: others, body: body.replace(/"instance":"[^"]*"/, '"instance":"…"') };
}

/** Fastify is asked without its server, so this is the usual way. */
async function byFastify(method: string, path: string, headers: Record<string, string>, body?: Buffer) {
  const options = { method: method as 'GET', url: path, headers, ...(body && { payload: body }) };
  const answer = await stand.api.app.inject(options);
  return { status: answer.statusCode, headers: answer.headers, body: answer.body };
}

async function sameBothWays(path: string, body: Buffer | string, headers: Record<string, string> = {}) {
  const bytes = Buffer.from(body as string);
  const all = { authorization: stand.authorization, 'content-type': 'application/json', ...headers };
  const [network, fastify] = [
    await stand.overNetwork('POST', path, all, bytes),
    await byFastify('POST', path, all, bytes),
  ];
  expect(comparable(network)).toEqual(comparable(fastify));
  return network;
}

async function save(key: string) {
  const post = async (path: string, body: unknown) => {
    const answer = await stand.sendJson(path, body);
    expect(answer.status, answer.body).toBeLessThan(300);
    return JSON.parse(answer.body);
  };
  const { uploadId } = await post('/v1/cache/uploads', { key, version: 'abcd' });
  const { parts } = await post(`/v1/cache/uploads/${uploadId}/parts`, {
    parts: [{ number: 1, sizeBytes: 1 }],
  });
  const { searchParams, pathname } = new URL(parts[0].url, stand.url);
  await stand.cache.write(
    pathname.slice(pathname.lastIndexOf('/') + 1),
    Number(searchParams.get('size')),
    Readable.from(['x']),
  );
  await post(`/v1/cache/uploads/${uploadId}/commit`, { sizeBytes: 1, parts: [1] });
}

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
      await stand.overNetwork('GET', '/v1/runner', { authorization: stand.authorization }),
      await byFastify('GET', '/v1/runner', { authorization: stand.authorization }),
    ];
    expect(comparable(network)).toEqual(comparable(fastify));
    expect(JSON.parse(network.body).runner.name).toBe('linux-0-abcde');
  });
});

it.each([
  ['only the handler', 200],
  ['no word', 500],
  ['promise nothing', 500],
])('goes on to the handler: %s', async (word, status) => {
  const answer = await sameBothWays('/counted', JSON.stringify({ word }));
  expect(answer.status).toBe(status);
  expect(stand.went).toEqual({ short: 1, usual: 2 });
});

it('fills in what the schema fills in, and waits for an answer', async () => {
  const answer = await sameBothWays('/counted', JSON.stringify({ wait: 5 }));
  expect(JSON.parse(answer.body)).toEqual({ said: 'nothing' });
  expect(stand.went).toEqual({ short: 1, usual: 1 });
});
