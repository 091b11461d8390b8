import type { AddressInfo } from 'node:net';
import { createConnection } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { problemBody } from '../../src/http/problem_body.ts';
import { PROBLEMS, type ProblemCode, problemDetails } from '../../src/protocol/problem.ts';
import { problem } from '../../src/runtime/problem.ts';
import { WHILE_ALIVE } from '../../src/runtime/served_states.ts';
import { anApi, type TestApi } from './builders.ts';

let api: TestApi;
let authorization: string;
beforeEach(async () => {
  api = await anApi({
    limits: { requestsPerSecond: 5, headersTimeoutMs: 300 },
    routes: () => [
      async (app) => {
        const open = { config: { access: 'public' } } as const;
        const body = z.strictObject({ name: z.string().max(5), list: z.array(z.int()).optional() });
        app.post('/echo', { ...open, schema: { body } }, (request) => request.body);
        app.get('/broken', open, () => {
          throw new Error('the password is hunter2');
        });
        app.get('/slow', { ...open, handlerTimeout: 20 }, () => new Promise<void>(() => undefined));
        app.get('/lies', { ...open, schema: { response: { 200: z.object({ n: z.int() }) } } }, () => {
          return { n: 'not a number' } as unknown as { n: number };
        });
        app.get('/exists', open, () => {
          throw problem('cache-entry-exists', 'Key a of version b exists.');
        });
        app.get('/limited', { config: { states: WHILE_ALIVE } }, () => ({ ok: true }));
      },
    ],
  });
  ({ authorization } = await api.runner());
});
afterEach(() => {
  vi.useRealTimers();
  return api.app.close();
});

const json = { 'content-type': 'application/json' };
const post = (payload: string, headers: Record<string, string> = json) =>
  api.app.inject({ method: 'POST', url: '/echo', headers, payload });

const errors: [string, ProblemCode, () => ReturnType<typeof post>][] = [
  ['a path that is not there', 'not-found', () => api.app.inject('/nowhere')],
  [
    'a method that the path is not for',
    'method-not-allowed',
    () => api.app.inject({ method: 'PUT', url: '/echo' }),
  ],
  ['JSON that breaks off', 'bad-request', () => post('{"name":')],
  ['a body with __proto__', 'bad-request', () => post('{"name":"a","__proto__":{"x":1}}')],
  ['an empty body', 'bad-request', () => post('')],
  ['a path that is no text', 'bad-request', () => api.app.inject('/%e0%a4%a')],
  ['a body of 64 KiB and a byte', 'body-too-large', () => post(`"${'x'.repeat(64 * 1024 - 1)}"`)],
  [
    'a form',
    'unsupported-media-type',
    () => post('a=b', { 'content-type': 'application/x-www-form-urlencoded' }),
  ],
  ['XML', 'unsupported-media-type', () => post('<a/>', { 'content-type': 'text/xml' })],
  ['a field of the wrong type', 'unprocessable-content', () => post('{"name":1}')],
  ['a text too long', 'unprocessable-content', () => post('{"name":"longer"}')],
  ['a field that is not asked for', 'unprocessable-content', () => post('{"name":"a","other":1}')],
  ['an array as the body', 'unprocessable-content', () => post('[]')],
  ['a bug', 'internal-error', () => api.app.inject('/broken')],
  ['an answer against its schema', 'internal-error', () => api.app.inject('/lies')],
  ['a handler that hangs', 'unavailable', () => api.app.inject('/slow')],
  ['a problem of a route', 'cache-entry-exists', () => api.app.inject('/exists')],
  ['no token', 'unauthorized', () => api.app.inject('/limited')],
];

test.each(errors)('answers %s as %s', async (_what, code, ask) => {
  const answer = await ask();
  const body = problemDetails.parse(answer.json());
  expect(body.code).toBe(code);
  expect(body.type).toMatch(new RegExp(`/${code}$`));
  expect([answer.statusCode, body.status, body.title]).toEqual([PROBLEMS[code][0], ...PROBLEMS[code]]);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(body.instance).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
});

test('names each unacceptable field by its path', async () => {
  const { errors: found } = (await post('{"name":"longer","list":[1,"x"]}')).json();
  expect(found.map((one: { path: string }) => one.path)).toEqual(['/name', '/list/1']);
});

test('hides what a bug says, and logs it under the instance of the answer', async () => {
  const answer = await api.app.inject('/broken');
  expect(answer.body).not.toContain('hunter2');
  const id = answer.json().instance.replace('urn:uuid:', '');
  const line = api
    .logged()
    .split('\n')
    .find((one) => one.includes('hunter2'));
  expect(line).toContain(id);
});

test('limits each runner by itself, and says when to come back', async () => {
  // Its clock stands still, so that no pause of the machine ends the second in which they are too many.
  vi.useFakeTimers({ toFake: ['Date'] });
  const ask = (header: string) => api.app.inject({ url: '/limited', headers: { authorization: header } });
  for (let i = 0; i < 5; i++) expect((await ask(authorization)).statusCode).toBe(200);
  const refused = await ask(authorization);
  expect(refused.statusCode).toBe(429);
  expect(refused.headers['content-type']).toBe('application/problem+json');
  expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  const { aToken } = await import('../tokens/builders.ts');
  const other = await api.runner(aToken('other'));
  expect((await ask(other.authorization)).statusCode).toBe(200);
});

test.each([
  ['no HTTP', 'GIVE ME ALL\r\n\r\n', 'This is not an HTTP/1.1 request.'],
  [
    'headers of 17 KiB',
    `GET / HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(17 * 1024)}\r\n\r\n`,
    'The headers are larger',
  ],
  ['two lengths', 'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd', ''],
  [
    'a length beside chunks',
    'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    '',
  ],
])('answers %s with a problem and hangs up', async (_what, request, detail) => {
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = api.app.server.address() as AddressInfo;
  const text = await new Promise<string>((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write(request));
    let all = '';
    socket.on('data', (chunk) => {
      all += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(all));
  });
  const [head = '', body = ''] = text.split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1.1 400 /);
  expect(problemDetails.parse(JSON.parse(body)).detail).toContain(detail);
});

test('every problem has a body that its schema admits', () => {
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    expect(problemDetails.parse(problemBody({ code, detail: 'why' })).code).toBe(code);
  }
});
