import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { addPool, asGithub, SECRET, setSecrets, startWebhooks, type WebhookStand } from './stand.ts';

let stand: WebhookStand;
afterEach(() => stand.close());

async function start(options: Parameters<typeof startWebhooks>[0], pools = ['linux']): Promise<void> {
  stand = await startWebhooks(options);
  for (const name of pools) addPool(stand, name, 'github');
  setSecrets(stand, Object.fromEntries(pools.map((name) => [name, SECRET])));
}
const send = (pool: string, delivery: string) =>
  fetch(`${stand.url}/webhooks/github/ci/${pool}`, asGithub({ delivery })).then(async (answer) => ({
    status: answer.status,
    retryAfter: answer.headers.get('retry-after'),
    body: (await answer.json()) as Record<string, unknown>,
  }));
const ofPool = (pool: string) => stand.written.filter((one) => one.pool === pool);

describe('hints', () => {
  test('of one pool are written together, the last among them, and other pools are not held up', async () => {
    await start({ everyMs: 700 }, ['linux', 'windows']);
    const answers: number[] = [];
    const burst = Array.from({ length: 300 }, async (_, n) => {
      answers.push((await send('linux', `d${n}`)).status);
    });
    expect((await send('windows', 'w')).status).toBe(202);
    await Promise.all(burst);
    expect(new Set(answers)).toEqual(new Set([202]));
    // Each write answers for all that came before it; there is time for very few.
    expect(ofPool('linux').length).toBeLessThan(15);
    const before = ofPool('linux').length;
    expect((await send('linux', 'last')).status).toBe(202);
    expect(ofPool('linux').slice(before)).toEqual([{ pool: 'linux', delivery: 'last' }]);
  });

  test('that cannot be written are answered in time, kept, and written as soon as they can be', async () => {
    await start({ everyMs: 20, answerWithinMs: 150 });
    stand.write.first = () => Promise.reject(new Error('the apiserver is away'));
    const refused = await send('linux', 'kept');
    expect(refused).toMatchObject({ status: 503, retryAfter: '2', body: { code: 'unavailable' } });
    expect((await send('linux', 'newer')).status).toBe(503);
    stand.write.first = async () => undefined;
    await expect.poll(() => stand.written).toEqual([{ pool: 'linux', delivery: 'newer' }]);
    // What the forge sends again was told by then.
    for (const delivery of ['kept', 'newer'])
      expect(await send('linux', delivery)).toMatchObject({ status: 200, body: { outcome: 'repeated' } });
    expect(stand.written).toHaveLength(1);
  });

  test('whose write is never answered are answered in time as well', async () => {
    await start({ everyMs: 20, answerWithinMs: 150 });
    stand.write.first = (signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
      });
    expect((await send('linux', 'one')).status).toBe(503);
  });
});

test('bodies that come slowly keep nobody out for long', async () => {
  await start({});
  const stalled = Array.from({ length: 40 }, () => {
    const { headers } = asGithub();
    const body = new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('{')) });
    return fetch(`${stand.url}/webhooks/github/ci/linux`, {
      method: 'POST',
      headers,
      body,
      duplex: 'half',
    } as RequestInit).catch((error: Error) => error);
  });
  await sleep(200);
  expect((await send('linux', 'one')).status).toBe(202);
  for (const one of await Promise.all(stalled)) expect(one).toBeInstanceOf(Error);
}, 30_000);
