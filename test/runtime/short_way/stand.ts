import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { z } from 'zod';
import { type Cache, openCache } from '../../../src/cache/open.ts';
import type { Caller } from '../../../src/runtime/authenticate.ts';
import { createCallerAccess } from '../../../src/runtime/cache_access/caller_access.ts';
import { cacheRoutes } from '../../../src/runtime/routes/cache.ts';
import { runnerRoutes } from '../../../src/runtime/routes/runner.ts';
import type { ApiPlugin } from '../../../src/runtime/server.ts';
import { anApi, type TestApi, type TestApiOptions } from '../builders.ts';

export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

/** A runner, and an api that listens with routes of the short way. */
export class ShortWayStand {
  api!: TestApi;
  cache!: Cache;
  url = '';
  /** What `sendJson` shows; the runner's own. */
  authorization = '';
  /** Which way each request to /counted went. */
  readonly went = { short: 0, usual: 0 };
  #folder = '';

  async open(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'harrier-short-way-'));
    // A clock that stands still: signed URLs are of the half minute in which they are asked for.
    const now = Date.now();
    const log = pino({ level: 'silent' });
    this.cache = await openCache({ dataDir: this.#folder, clock: () => now, log });
    await this.start();
  }

  /** An api of these options in the place of the one before. */
  async start(options: Omit<TestApiOptions, 'routes'> = {}): Promise<void> {
    await this.api?.app.close();
    this.api = await anApi({
      level: 'info',
      ...options,
      routes: () => [
        countedRoute(this.went),
        cacheRoutes(
          this.cache,
          createCallerAccess(() => Promise.reject(new Error('no job sends a token here'))),
        ),
        runnerRoutes(async (_token, said) => ({ ...said, since: '2026-11-21T08:00:00.000Z' })),
      ],
    });
    this.url = await this.api.app.listen({ host: '127.0.0.1', port: 0 });
    ({ authorization: this.authorization } = await this.api.runner());
    // The signature of a token is checked at its first request; from then on it is remembered.
    await this.api.app.inject({ url: '/v1/runner', headers: { authorization: this.authorization } });
    Object.assign(this.went, { short: 0, usual: 0 });
  }

  async close(): Promise<void> {
    await this.api.app.close();
    await this.cache.close();
    await rm(this.#folder, { recursive: true });
  }

  /** Over the network, where the short way is tried first. */
  overNetwork(method: string, path: string, headers: Record<string, string>, body?: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': body.length };
      const options = { method, headers: { ...length, ...headers } };
      const request = httpRequest(`${this.url}${path}`, options, (answer) => {
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

  sendJson(path: string, body: unknown): Promise<Answer> {
    const headers = { authorization: this.authorization, 'content-type': 'application/json' };
    return this.overNetwork('POST', path, headers, Buffer.from(JSON.stringify(body)));
  }
}

/** A route with a short way that counts which way was gone. */
function countedRoute(went: { short: number; usual: number }): ApiPlugin {
  const answer = ({ claims }: Caller, body: { word: string; wait?: number | undefined }) => {
    if (body.word === 'only the handler') return undefined;
    if (body.word === 'no word') throw new Error('no word');
    const said = { said: body.word === 'promise nothing' ? 7 : body.word, by: claims.jti };
    return body.wait === undefined ? said : sleep(body.wait, said);
  };
  return async (app) => {
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
}
