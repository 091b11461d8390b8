import { expect, test } from 'vitest';
import { type Endpoint, methodsOf } from '../../src/runtime/route_table.ts';
import { anApi } from './builders.ts';

const endpoint = (method: string, path: string): Endpoint => ({
  method,
  path,
  access: 'public',
  visitors: false,
  summary: '',
});
const table = [
  endpoint('GET', '/a'),
  endpoint('HEAD', '/a'),
  endpoint('POST', '/a/:id'),
  endpoint('DELETE', '/a/:id'),
  endpoint('PUT', '/a/:id/b'),
];

test.each([
  ['/a', ['GET', 'HEAD']],
  ['/a/1', ['DELETE', 'POST']],
  ['/a/1/b', ['PUT']],
  ['/a/', []],
  ['/a//b', []],
  ['/', []],
  ['', []],
  ['/b', []],
  ['/a/1/b/2', []],
])('%s is for %j', (path, methods) => {
  expect(methodsOf(table, path)).toEqual(methods);
});

test('another method of a known path is 405 and says which are allowed, whatever token comes along', async () => {
  const api = await anApi({
    routes: () => [
      async (app) => {
        app.get('/v1/thing/:id', { config: { access: 'public' } }, () => 'here');
      },
    ],
  });
  try {
    for (const authorization of [undefined, 'Bearer x', (await api.runner()).authorization]) {
      const answer = await api.app.inject({
        method: 'DELETE',
        url: '/v1/thing/7?a=/b',
        headers: authorization === undefined ? {} : { authorization },
      });
      expect(answer.statusCode).toBe(405);
      expect(answer.headers.allow).toBe('GET, HEAD');
      expect(answer.json()).toMatchObject({ code: 'method-not-allowed', status: 405 });
    }
    for (const url of ['/v1/things/7', '/v1/thing', '//', '/v1/thing/7/8']) {
      const answer = await api.app.inject({ method: 'DELETE', url });
      expect(answer.json()).toMatchObject({ code: 'not-found', status: 404 });
    }
  } finally {
    await api.app.close();
  }
});
