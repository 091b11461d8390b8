import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCESS, POD_TOKEN, type Stand, save, serve, startStand } from './stand.ts';

const V = 'beef';
let stand: Stand;
beforeEach(async () => {
  stand = await startStand();
});
afterEach(() => stand.close());

const lookup = () => stand.twirp('GetCacheEntryDownloadURL', { key: 'k', version: V });

describe('identity', () => {
  it('is the pod`s token alone, whatever bearer the job sends', async () => {
    stand.callers['somebody-else'] = { ...ACCESS, tenant: 'other/app' };
    await save(stand, 'k', V, Buffer.from('bytes'));
    const answer = await fetch(`${stand.url}/_apis/artifactcache/cache?keys=k&version=${V}`, {
      headers: { authorization: 'Bearer somebody-else' },
    });
    expect(answer.status).toBe(200);
    const bearers = stand.seen.map(({ authorization }) => authorization).filter((one) => one !== undefined);
    expect(new Set(bearers)).toEqual(new Set([`Bearer ${POD_TOKEN}`]));
  });

  it('follows a rotated token without a restart, on the first 401', async () => {
    expect((await lookup()).status).toBe(200);
    await stand.rotateToken('second-token');
    delete stand.callers[POD_TOKEN];
    stand.callers['second-token'] = ACCESS;
    expect(await lookup()).toEqual({ status: 200, body: { ok: false } });
    expect(stand.seen.slice(-2).map(({ authorization }) => authorization)).toEqual([
      `Bearer ${POD_TOKEN}`,
      'Bearer second-token',
    ]);
  });

  it('asks once and no more when the token is refused and no other is there', async () => {
    delete stand.callers[POD_TOKEN];
    const before = stand.seen.length;
    expect(await lookup()).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(stand.seen.length - before).toBe(1);
  });

  it('opens nothing of the api to the job but the three runner routes', async () => {
    for (const [method, path] of [
      ['POST', '/v1/cache/lookup'],
      ['GET', '/v1/cache/entries'],
      ['GET', '/v1/runner/../cache/entries'],
      ['GET', '/v1/runner/status'],
      ['POST', '/v1/runner'],
      ['GET', '/v1/'],
    ] as const) {
      const answer = await fetch(stand.url + path, { method });
      expect(answer.status, `${method} ${path}`).toBe(404);
    }
    expect(stand.seen).toEqual([]);
  });
});

describe('what is not cache', () => {
  it('is a bad route without an upstream', async () => {
    const answer = await fetch(
      `${stand.url}/twirp/github.actions.results.api.v1.ArtifactService/CreateArtifact`,
      {
        method: 'POST',
        body: '{}',
      },
    );
    expect([answer.status, await answer.json()]).toMatchObject([404, { code: 'bad_route' }]);
    expect(stand.seen).toEqual([]);
  });

  it('goes to the upstream as the job sent it, with its bearer, both ways streaming', async () => {
    const got: { url: string; authorization: string | undefined; body: string }[] = [];
    const upstream = await serve(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      got.push({ url: request.url ?? '', authorization: request.headers.authorization, body });
      response.writeHead(207, { 'x-answer': 'yes', 'content-type': 'text/plain' });
      response.write('first,');
      setTimeout(() => response.end('second'), 20);
    });
    const withUpstream = await startStand({ resultsUpstream: `${upstream.url}/base/` });
    try {
      const path = '/twirp/github.actions.results.api.v1.ArtifactService/CreateArtifact?a=b';
      const answer = await fetch(withUpstream.url + path, {
        method: 'POST',
        headers: { authorization: 'Bearer of-the-job' },
        body: 'hello',
      });
      expect([answer.status, answer.headers.get('x-answer'), await answer.text()]).toEqual([
        207,
        'yes',
        'first,second',
      ]);
      expect(got).toEqual([{ url: `/base${path}`, authorization: 'Bearer of-the-job', body: 'hello' }]);
      expect(withUpstream.seen).toEqual([]);
      upstream.close();
      const gone = await fetch(withUpstream.url + path, { method: 'POST', body: '{}' });
      expect([gone.status, await gone.json()]).toMatchObject([503, { code: 'unavailable' }]);
    } finally {
      upstream.close();
      await withUpstream.close();
    }
  });
});
