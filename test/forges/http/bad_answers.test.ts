import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ForgeError, type ForgeErrorReason } from '../../../src/forges/forge_error.ts';
import { ask, clientFor, failure, type Listening, listen } from './ask.ts';

const SECRET = 'a-secret-that-a-broken-forge-repeats';

interface Bad {
  serve: RequestListener;
  reason: ForgeErrorReason;
  /** What the owner of the pool reads: what was tried, what came back, what to do. */
  message: RegExp;
  /** How often a GET asks. */
  times?: number;
  /** How long each try may take, in ms, where it takes longer; elsewhere a pause of the machine must end no try. */
  timeoutMs?: number;
}

const answer =
  (status: number, headers: Record<string, string> = {}, body = `{"message":"${SECRET}"}`): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);

const BAD: Record<string, Bad> = {
  'wrong credentials': {
    serve: answer(401),
    reason: 'Unauthorized',
    message: /answered 401: it does not accept the credentials; renew them in Secret forge-credentials$/,
  },
  'credentials without the right': {
    serve: answer(403),
    reason: 'Forbidden',
    message: /answered 403: the credentials in Secret forge-credentials lack a permission/,
  },
  'a repository that is gone': {
    serve: answer(404),
    reason: 'NotFound',
    message: /answered 404: there is no such thing.*check spec\.forge\.scope and url$/,
  },
  'a conflict': { serve: answer(409), reason: 'Refused', message: /answered 409/ },
  'what it does not want': { serve: answer(422), reason: 'Refused', message: /answered 422/ },
  'a limit with a time': {
    serve: answer(429, { 'retry-after': '7' }),
    reason: 'RateLimited',
    message: /rate limit is used up; it is asked again in 7 s$/,
  },
  'a secondary limit of GitHub': {
    serve: answer(403, {}, '{"message":"You have exceeded a secondary rate limit"}'),
    reason: 'RateLimited',
    message: /asked again in 60 s$/,
  },
  'a fault of the forge': { serve: answer(500), reason: 'Unavailable', message: /answered 500/, times: 3 },
  'a proxy before a dead forge': {
    serve: answer(502, { 'content-type': 'text/html' }, '<html>Bad gateway'),
    reason: 'Unavailable',
    message: /answered 502/,
    times: 3,
  },
  'an overloaded forge': {
    serve: answer(503, { 'retry-after': '5' }),
    reason: 'Unavailable',
    message: /not asked for another 5 s/,
    times: 1,
  },
  'a login page': {
    serve: answer(200, { 'content-type': 'text/html' }, `<!doctype html>${SECRET}`),
    reason: 'Unreadable',
    message: /answered a web page where JSON should be: is spec\.forge\.url right/,
  },
  'JSON that ends early': {
    serve: answer(200, {}, '{"runners": ['),
    reason: 'Unreadable',
    message: /where JSON/,
  },
  'JSON of another API': {
    serve: answer(200, {}, `{"runners": [{"id": "${SECRET}"}]}`),
    reason: 'Unreadable',
    message: /not what its API promises \(at runners\.0\.id\)/,
  },
  'nothing at all': { serve: answer(200, {}, ''), reason: 'Unreadable', message: /what its API promises/ },
  'an answer that breaks off': {
    serve: (_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{');
      setImmediate(() => response.destroy());
    },
    reason: 'Unavailable',
    message: /there was no answer \(|the connection broke/,
    times: 3,
  },
  silence: {
    serve: () => {},
    reason: 'Unavailable',
    message: /no whole answer within 1 s/,
    times: 3,
    timeoutMs: 1000,
  },
  'an answer that drips': {
    serve: (_request, response) => {
      response.write('{');
      const drip = setInterval(() => response.write(' '), 50);
      response.once('close', () => clearInterval(drip));
    },
    reason: 'Unavailable',
    message: /no whole answer within 1 s/,
    times: 3,
    timeoutMs: 1000,
  },
  'an answer without end': {
    serve: (_request, response) => {
      const more = () => {
        while (response.writable && response.write('x'.repeat(16_384)));
      };
      response.on('drain', more);
      more();
    },
    reason: 'Unreadable',
    message: /has more than 65536 bytes/,
  },
  'a way to the metadata service': {
    serve: answer(302, { location: 'http://169.254.169.254/latest/meta-data' }),
    reason: 'Unreadable',
    message: /a redirect to another host, and none is followed/,
  },
  'a repository with another name now': {
    serve: answer(301, { location: '/repositories/7' }),
    reason: 'Unreadable',
    message: /a redirect within the forge \(was something renamed\?\)/,
  },
};

let server: Listening;
beforeAll(async () => {
  server = await listen((request, response) => {
    BAD[decodeURIComponent((request.url ?? '').slice(1))]?.serve(request, response);
  });
});
afterAll(() => server.close());

test.each(Object.entries(BAD))('%s', async (what, { reason, message, times = 1, timeoutMs = 15_000 }) => {
  const http = clientFor(`http://127.0.0.1:${server.port}`, { timeoutMs, mostBytes: 65_536 });
  const before = server.asked.length;
  const error = await failure(ask(http, { path: `/${encodeURIComponent(what)}` }));
  await http.close();

  expect(error).toBeInstanceOf(ForgeError);
  expect(error.message).toMatch(/^cannot list the runners: /);
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain(SECRET);
  expect(error.reason).toBe(reason);
  expect(server.asked).toHaveLength(before + times);
});

test('a forge that is not there', async () => {
  const gone = await listen(() => {});
  await gone.close();
  const http = clientFor(`http://127.0.0.1:${gone.port}`);
  const error = await failure(ask(http));
  expect(error.reason).toBe('Unavailable');
  expect(error.message).toMatch(/there was no answer \(ECONNREFUSED\)$/);
});

test('a name that nobody has', async () => {
  const resolve = async () => {
    throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
  };
  const error = await failure(ask(clientFor('https://forge.example', { resolve })));
  expect(error.reason).toBe('Unavailable');
  expect(error.message).toMatch(/the name cannot be resolved \(ENOTFOUND\)$/);
});
