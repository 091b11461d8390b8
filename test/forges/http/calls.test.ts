import type { ServerResponse } from 'node:http';
import { Registry, register } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { ForgeHttp } from '../../../src/forges/http/forge_http.ts';
import { ask, clientFor, failure, type Listening, listen } from './ask.ts';

let server: Listening;
let http: ForgeHttp;
/** Statuses of the next answers; 200 when there is none. */
let statuses: number[] = [];
let headers: Record<string, string> = {};
let nowMs = 0;
const registry = new Registry();

beforeEach(async () => {
  [statuses, headers, nowMs] = [[], {}, 0];
  server = await listen((request, response) => {
    const status = statuses.shift() ?? 200;
    if (request.headers['if-none-match'] === '"one"') response.writeHead(304).end();
    else response.writeHead(status, headers).end(status === 204 ? undefined : '{"runners": [{"id": 7}]}');
  });
  registry.clear();
  http = clientFor(`http://127.0.0.1:${server.port}`, { now: () => nowMs, registry });
});
afterEach(async () => {
  await http.close();
  await server.close();
});

describe('what is sent again', () => {
  test.each<[method: 'GET' | 'DELETE' | 'POST', repeatable: boolean, times: number]>([
    ['GET', false, 3],
    ['DELETE', false, 3],
    ['POST', false, 1],
    ['POST', true, 3],
  ])('%s, repeatable %s, is tried %i times', async (method, repeatable, times) => {
    statuses = [502, 502, 502];
    expect((await failure(ask(http, { method, repeatable }))).reason).toBe('Unavailable');
    expect(server.asked).toHaveLength(times);
  });

  test('a call that fails twice and then not has succeeded', async () => {
    statuses = [500, 503];
    expect((await ask(http)).value.runners).toEqual([{ id: 7 }]);
    expect(server.asked).toHaveLength(3);
  });

  test('no connection, no request: a POST may be tried again', async () => {
    await server.close();
    let pauses = 0;
    const client = clientFor(`http://127.0.0.1:${server.port}`, { pause: async () => void pauses++ });
    await failure(ask(client, { method: 'POST', body: {} }));
    expect(pauses).toBe(2);
  });

  test.each([400, 401, 403, 404, 422])('%i is not asked again', async (status) => {
    statuses = [status, status];
    await failure(ask(http));
    expect(server.asked).toHaveLength(1);
  });
});

describe('what is held back', () => {
  test('nothing is asked until the time that the forge said', async () => {
    statuses = [429];
    headers = { 'retry-after': '30' };
    expect((await failure(ask(http))).retryAfterMs).toBe(30_000);
    nowMs = 29_000;
    const held = await failure(ask(http, { method: 'POST', doing: 'make a record' }));
    expect(held.reason).toBe('RateLimited');
    expect(held.retryAfterMs).toBe(1_000);
    expect(held.message).toBe(
      'cannot make a record: the forge is not asked for another 1 s, because its rate limit is used up',
    );
    expect(server.asked).toHaveLength(1);
    nowMs = 30_001;
    await ask(http);
  });

  test('the answer that uses up the limit is good, the next question waits', async () => {
    headers = { 'ratelimit-remaining': '0', 'ratelimit-reset': '5' };
    await ask(http);
    expect((await failure(ask(http))).reason).toBe('RateLimited');
    expect(server.asked).toHaveLength(1);
  });

  test.each([
    ['a forge that refuses the credentials', 401, 20],
    ['a forge that is down', 503, 60],
  ])('%s, asked all the time for ten minutes, gets few requests a minute', async (_, status, most) => {
    statuses = new Array(100_000).fill(status);
    const perMinute = new Array(10).fill(0);
    // Ten runners that want to join ask each second.
    for (nowMs = 0; nowMs < 600_000; nowMs += 100) {
      const before = server.asked.length;
      await failure(ask(http));
      perMinute[Math.floor(nowMs / 60_000)] += server.asked.length - before;
    }
    expect(Math.max(...perMinute)).toBeLessThanOrEqual(most);
    // It is not given up either: a pause is five minutes at most.
    expect(Math.max(...perMinute.slice(5))).toBeGreaterThan(0);
  });

  test('what is held back after refusals says what the last of them was', async () => {
    statuses = [401, 401];
    await failure(ask(http));
    const refused = await failure(ask(http));
    expect(refused.message).toContain('401');
    const held = await failure(ask(http, { doing: 'list the runners' }));
    expect(held.message).toMatch(
      /^cannot list the runners: the forge is not asked for another \d s, because /,
    );
    expect(held.message).toContain(`(the last answer: ${refused.message})`);
    expect(server.asked).toHaveLength(2);
  });

  test('once the forge answers again nothing is held back', async () => {
    statuses = [401, 401];
    await failure(ask(http));
    await failure(ask(http));
    nowMs = 5_001;
    for (let index = 0; index < 5; index++) await ask(http);
    expect(server.asked).toHaveLength(7);
  });
});

describe('what is asked and answered', () => {
  test('an answer that has not changed is not sent again', async () => {
    headers = { etag: '"one"', link: '</next>; rel="next"' };
    const first = await ask(http, { conditional: true });
    const second = await ask(http, { conditional: true });
    expect(second.value).toEqual(first.value);
    expect(second.headers.link).toBe('</next>; rel="next"');
    expect(await registry.metrics()).toContain(
      'harrier_forge_requests_total{forge="gitea",outcome="NotModified"} 1',
    );
  });

  test('204 is an empty answer', async () => {
    statuses = [204];
    const { value } = await http.call({
      method: 'DELETE',
      path: '/runners/7',
      answer: z.undefined(),
      doing: 'remove one',
    });
    expect(value).toBeUndefined();
  });

  test('a next page of another origin is not asked: the credentials stay with the forge', async () => {
    const error = await failure(ask(http, { path: 'https://evil.example/runners?page=2' }));
    expect(error.reason).toBe('Unreadable');
    expect(error.message).toContain('of another origin');
    expect((await ask(http, { path: `http://127.0.0.1:${server.port}/runners?page=2` })).status).toBe(200);
    expect(server.asked).toEqual(['/runners?page=2']);
  });

  test('no more than four calls are under way', async () => {
    let most = 0;
    const underWay: ServerResponse[] = [];
    const slow = await listen((_request, response) => {
      most = Math.max(most, underWay.push(response));
      if (underWay.length !== 4) return;
      // All four are there, however slow the machine; a fifth would have the time to come.
      setTimeout(() => {
        for (const one of underWay.splice(0)) one.end('{"runners": []}');
      }, 10);
    });
    const client = clientFor(`http://127.0.0.1:${slow.port}`);
    await Promise.all(Array.from({ length: 32 }, () => ask(client)));
    await client.close();
    await slow.close();
    expect(most).toBe(4);
  });

  test('metrics tell the type of forge and how it ended, and nothing else', async () => {
    statuses = [200, 404, 429];
    await ask(http, { query: { token: 'in-a-query' } });
    for (let index = 0; index < 3; index++) await failure(ask(http));
    const lines = (await registry.metrics())
      .split('\n')
      .filter((line) => /^harrier_forge_requests/.test(line));
    expect(lines.sort()).toEqual(
      ['Held', 'NotFound', 'Ok', 'RateLimited'].map(
        (outcome) => `harrier_forge_requests_total{forge="gitea",outcome="${outcome}"} 1`,
      ),
    );
    expect(await register.metrics()).not.toContain('harrier_forge');
  });
});
