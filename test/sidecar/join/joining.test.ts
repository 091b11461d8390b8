import { chmod, mkdir, mkdtemp, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Answer, Call } from '../../../src/sidecar/call_once.ts';
import { fetchJoin } from '../../../src/sidecar/join/fetch_join.ts';
import { Refused, unavailable } from '../../../src/sidecar/refusal.ts';
import { prepareSidecar } from '../sidecar_process.ts';
import { caughtUp } from '../stand.ts';
import { CANARY, gives, inTurn, JOIN_PATH, type JoinStand, refuses, startJoinStand } from './stand.ts';

let prepared: Awaited<ReturnType<typeof prepareSidecar>>;
let folder: string;
let stand: JoinStand | undefined;
beforeAll(async () => {
  prepared = await prepareSidecar('token-of-the-pod');
});
afterAll(() => prepared.remove());
beforeEach(async () => {
  folder = await mkdtemp(join(prepared.folder, 'join-'));
  await chmod(folder, 0o777);
});
afterEach(() => stand?.stop());

async function begin(answer: Parameters<typeof startJoinStand>[2]): Promise<JoinStand> {
  stand = await startJoinStand(prepared, folder, answer);
  return stand;
}
const ask = ({ sidecar }: JoinStand, query = '', method = 'GET') =>
  fetch(`${sidecar.url}${JOIN_PATH}${query}`, { method });
const codeOf = async (answer: Response) => [answer.status, ((await answer.json()) as { code: string }).code];

describe('the sidecar of a runner that joins a forge', () => {
  it('says Installing until it has handed the material out, then Idle', async () => {
    const at = await begin(gives);
    await expect.poll(() => at.keys.length).toBe(1);
    expect(at.states).toEqual(['Installing']);
    const got = await ask(at);
    expect([got.status, await got.json()]).toEqual([200, { files: { 'runner.json': CANARY } }]);
    expect(got.headers.get('cache-control')).toBe('no-store');
    await expect.poll(() => at.states).toEqual(['Installing', 'Idle']);
    expect(JSON.stringify(at.sidecar.log())).not.toContain(CANARY);
  });

  it('hands it out once, however many ask, and asks the api once', async () => {
    const at = await begin(gives);
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(at)));
    const codes = await Promise.all(
      answers.map(async (one) => (one.status === 200 ? 'given' : (await codeOf(one)).join(' '))),
    );
    expect(codes.filter((one) => one === 'given')).toHaveLength(1);
    expect(new Set(codes)).toEqual(new Set(['given', '409 join-handed-out']));
    expect(await codeOf(await ask(at))).toEqual([409, 'join-handed-out']);
    expect(at.keys).toHaveLength(1);
  });

  it('hands it out once though it is killed and started again', async () => {
    const at = await begin(gives);
    expect((await ask(at)).status).toBe(200);
    at.sidecar.child.kill('SIGKILL');
    await new Promise((resolve) => at.sidecar.child.once('exit', resolve));
    at.states.length = 0;
    await at.restart();
    expect(await codeOf(await ask(at))).toEqual([409, 'join-handed-out']);
    await expect.poll(() => at.states).toEqual(['Installing', 'Idle']);
    expect(at.keys).toHaveLength(1);
  });

  it('goes on while the api puts it off, as one call, and says why meanwhile', {
    timeout: 60_000,
  }, async () => {
    const put = refuses(503, 'unavailable', 'RateLimited until noon', { 'retry-after': '1' });
    // For as long as nobody has read why; else the next answer might come before.
    let answer = put;
    let puts = 0;
    const at = await begin((request, response) => {
      if (answer === put) puts++;
      answer(request, response);
    });
    await expect.poll(() => at.keys.length).toBeGreaterThan(0);
    await expect
      .poll(async () => {
        const early = await ask(at, '?wait=0');
        return early.status === 503 ? ((await early.json()) as { detail: string }).detail : 'none';
      })
      .toBe('unavailable: RateLimited until noon');
    answer = inTurn(refuses(401, 'unauthorized'), gives);
    expect((await ask(at)).status).toBe(200);
    expect(at.keys).toHaveLength(puts + 2);
    expect(new Set(at.keys).size).toBe(1);
    expect(at.keys[0]).toMatch(/^[\w-]{16,}$/);
  });

  it.each([
    [404, 'not-found'],
    [403, 'join-not-held'],
    [409, 'join-handed-out'],
    [409, 'wrong-state'],
  ])('passes on a %i %s, and stays Installing', async (status, code) => {
    const at = await begin(refuses(status, code));
    expect(await codeOf(await ask(at))).toEqual([status, code]);
    expect(await codeOf(await ask(at))).toEqual([status, code]);
    expect([at.states, at.keys.length]).toEqual([['Installing'], 1]);
  });

  it('keeps it for the next when who waited for it has gone away', async () => {
    const open = Promise.withResolvers<void>();
    const at = await begin((request, response) => void open.promise.then(() => gives(request, response)));
    const leaving = new AbortController();
    const left = fetch(at.sidecar.url + JOIN_PATH, { signal: leaving.signal }).catch(() => 'left');
    // Before whoever looks whether it is there takes its place.
    await caughtUp(at.sidecar.url);
    await expect.poll(async () => (await ask(at, '?wait=0')).status).toBe(409);
    leaving.abort();
    expect(await left).toBe('left');
    await expect.poll(async () => (await ask(at, '?wait=0')).status).toBe(503);
    open.resolve();
    expect((await ask(at)).status).toBe(200);
  });

  it('is only to be asked by GET, for no longer than five minutes', async () => {
    const at = await begin(gives);
    for (const method of ['POST', 'PUT', 'DELETE']) expect((await ask(at, '', method)).status).toBe(404);
    for (const wait of ['301', '-1', 'x']) expect((await ask(at, `?wait=${wait}`)).status).toBe(400);
    expect((await ask(at)).status).toBe(200);
  });

  it.each([
    ['the runner says that it is busy', '/v1/runner/status', 'Busy'],
    ['the runner says that it waits', '/v1/runner/status', 'Idle'],
    ['a job asks for its cache', '/_apis/artifactcache/cache?keys=a&version=b', undefined],
  ])('empties the folder when %s', async (_, path, state) => {
    const at = await begin(gives);
    expect((await ask(at)).status).toBe(200);
    await writeFile(join(folder, 'runner.json'), CANARY, { mode: 0o400 });
    await symlink('/etc', join(folder, 'link'));
    await mkdir(join(folder, 'deeper'));
    await fetch(`${at.sidecar.url}/v1/runner/status`, {
      method: 'POST',
      body: JSON.stringify({ state: 'Installing', message: 'nearly' }),
    });
    expect(await readdir(folder)).toContain('runner.json');
    const body = state === undefined ? {} : { method: 'POST', body: JSON.stringify({ state }) };
    await fetch(at.sidecar.url + path, body);
    await expect.poll(async () => (await readdir(folder)).sort()).toEqual(['.handed-out', 'deeper']);
    expect((await readdir('/etc')).length).toBeGreaterThan(0);
  });
});

describe('asking the api', () => {
  const answerOf = (status: number, retryAfter?: string): Answer => ({
    status,
    contentType: 'application/json',
    body: Buffer.from('{"code":"unavailable","detail":"later"}'),
    retryAfter,
  });

  async function asked(...answers: (Answer | Error)[]) {
    const calls: Call[] = [];
    const pauses: number[] = [];
    const answer = await fetchJoin({
      upstream: {
        async call(call) {
          calls.push(call);
          const next = answers[calls.length - 1];
          if (next === undefined || next instanceof Error) throw next;
          return next;
        },
      },
      key: 'one-and-the-same',
      onPutOff: () => {},
      log: () => {},
      sleep: async (ms) => void pauses.push(ms),
    });
    return { answer, calls, pauses };
  }

  it.each<[what: string, Answer | Error]>([
    ['no answer', unavailable('the api did not answer')],
    ['a fault of ours', new Error('broken')],
    ['a refused token', answerOf(401)],
    ['too many calls', answerOf(429)],
    ['another call that broke off', answerOf(409, '3')],
    ['500', answerOf(500)],
    ['502 of something before the api', answerOf(502)],
  ])('is repeated after %s', async (_, first) => {
    const { calls, answer } = await asked(first, answerOf(200));
    expect([calls.length, answer.status]).toEqual([2, 200]);
    expect(calls.map(({ idempotencyKey }) => idempotencyKey)).toEqual([
      'one-and-the-same',
      'one-and-the-same',
    ]);
  });

  it.each([400, 403, 404, 409, 422])('ends with %i', async (status) => {
    expect((await asked(answerOf(status))).calls).toHaveLength(1);
  });

  it('pauses longer and longer, as long as it is told, and never for an hour', async () => {
    const away = () => new Refused('unavailable', 503, 'away');
    const many = Array.from({ length: 8 }, away);
    expect((await asked(...many, answerOf(200))).pauses).toEqual([
      500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000,
    ]);
    const told = [
      answerOf(503, '30'),
      answerOf(503, '3600'),
      answerOf(503, 'Thu, 01 Jan 2026'),
      answerOf(200),
    ];
    expect((await asked(...told)).pauses).toEqual([30_000, 300_000, 2000]);
  });
});
