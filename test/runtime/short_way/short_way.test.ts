import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ApiPlugin } from '../../../src/runtime/server.ts';
import { TokenRefused } from '../../../src/tokens/refusal.ts';
import { aToken } from '../../tokens/builders.ts';
import { anApi } from '../builders.ts';
import { ShortWayStand } from './stand.ts';

const stand = new ShortWayStand();
beforeEach(() => stand.open());
afterEach(() => stand.close());

it('is taken by a good question, and by no other', async () => {
  expect(JSON.parse((await stand.sendJson('/counted', { word: 'hello' })).body)).toEqual({ said: 'hello' });
  expect(stand.went).toEqual({ short: 1, usual: 0 });
  await stand.sendJson('/counted?word=hello', { word: 'hello' });
  await stand.sendJson('/counted', { word: 1 });
  expect(stand.went).toEqual({ short: 1, usual: 1 });
});

describe('believes a remembered token no longer than the usual way does', () => {
  const ask = () => stand.sendJson('/counted', { word: 'hello' });
  beforeEach(async () => {
    expect((await ask()).status).toBe(200);
    expect(stand.went).toEqual({ short: 1, usual: 0 });
  });
  const refused = async (status: number) => {
    const answer = await ask();
    expect(answer.status).toBe(status);
    expect(stand.went).toEqual({ short: 1, usual: 0 });
  };

  it('once the token is revoked', async () => {
    const token = aToken();
    token.metadata.resourceVersion = '2';
    token.status = { ...token.status, phase: 'Revoked', conditions: [] };
    stand.api.tokens.store.set(token);
    await refused(401);
    expect(await stand.api.refused('revoked-token')).toBe(1);
  });

  it('once its pod is gone', async () => {
    for (const pod of stand.api.pods.store.list()) stand.api.pods.store.delete(pod);
    await refused(401);
    expect(await stand.api.refused('dead-pod')).toBe(1);
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
    stand.api.tokens.store.set(token);
    // It is looked at anew before it is told, and the apiserver is not there.
    await refused(401);
  });

  it('while the watch is broken', async () => {
    stand.api.tokens.connected = false;
    await refused(401);
    expect(await stand.api.refused('unverifiable')).toBe(1);
  });

  it('with a character changed', async () => {
    stand.authorization = stand.authorization.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    await refused(401);
  });

  it('without it', async () => {
    stand.authorization = '';
    await refused(401);
  });
});

it('asks the apiserver no oftener than the usual way does', async () => {
  let asked = 0;
  await stand.start({
    heard: () => false,
    ask: async () => {
      asked++;
      throw new TokenRefused('unverifiable');
    },
  });
  const before = asked;
  await stand.sendJson('/counted', { word: 'hello' });
  expect(asked - before).toBe(1);
});

it('counts an answer as the usual way does', async () => {
  await stand.sendJson('/counted', { word: 'hello' });
  const text = await stand.api.metrics.registry.metrics();
  expect(text).toContain('duration_seconds_count{method="POST",route="/counted",status="200"} 1');
});

it('is closed where a limit counts each request', async () => {
  await stand.start({ limits: { requestsPerSecond: 1 } });
  const statuses = [];
  for (let index = 0; index < 8; index++)
    statuses.push((await stand.sendJson('/counted', { word: 'a' })).status);
  expect(statuses).toContain(429);
  expect(stand.went.short).toBe(0);
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
