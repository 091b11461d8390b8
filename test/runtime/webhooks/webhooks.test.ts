import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  addPool,
  asGithub,
  SECRET,
  type Sent,
  setSecrets,
  startWebhooks,
  type WebhookStand,
} from './stand.ts';

let stand: WebhookStand;
beforeEach(async () => {
  stand = await startWebhooks();
  addPool(stand, 'linux', 'github');
  addPool(stand, 'keyless', 'github');
  addPool(stand, 'tea', 'gitea');
  addPool(stand, 'any', 'none');
  setSecrets(stand, { linux: SECRET, tea: SECRET, any: SECRET });
});
afterEach(() => stand.close());

async function send(path: string, sent: Sent = {}) {
  const answer = await fetch(`${stand.url}/webhooks/${path}`, asGithub(sent));
  const text = await answer.text();
  return {
    status: answer.status,
    retryAfter: answer.headers.get('retry-after'),
    body: JSON.parse(text) as { code?: string; detail?: string; outcome?: string; instance?: string },
  };
}
const told = { status: 202, body: { outcome: 'told' } };

test('a genuine webhook is told once, and not again when it is repeated within the hour', async () => {
  expect(await send('github/ci/linux', { delivery: 'one' })).toMatchObject(told);
  expect(stand.written).toEqual([{ pool: 'linux', delivery: 'one' }]);
  expect(await send('github/ci/linux', { delivery: 'one' })).toMatchObject({
    status: 200,
    body: { outcome: 'repeated' },
  });
  expect(stand.written).toHaveLength(1);
  stand.clock.ahead += 3_600_001;
  expect(await send('github/ci/linux', { delivery: 'one' })).toMatchObject(told);
});

test('of two repeats at once one is told', async () => {
  const both = await Promise.all([1, 2].map(() => send('github/ci/linux', { delivery: 'twin' })));
  expect(both.map(({ status }) => status).sort()).toEqual([200, 202]);
  expect(stand.written).toHaveLength(1);
});

test('an event that is not of jobs is taken and told to nobody', async () => {
  expect(await send('github/ci/linux', { event: 'ping' })).toMatchObject({
    status: 200,
    body: { outcome: 'irrelevant' },
  });
  expect(stand.written).toEqual([]);
});

test('the body is not read: garbage with a good signature is a hint as well, and so is a form', async () => {
  for (const body of ['{"action":', '\0\xff not JSON', '']) {
    expect(await send('github/ci/linux', { body })).toMatchObject(told);
  }
  const form = { body: 'payload=%7B%7D', contentType: 'application/x-www-form-urlencoded' };
  expect(await send('github/ci/linux', form)).toMatchObject(told);
});

describe('what is refused', () => {
  const cases: [what: string, path: string, sent: Sent][] = [
    ['a bad signature', 'github/ci/linux', { secret: 'wrong' }],
    ['no signature', 'github/ci/linux', { headers: { 'x-hub-signature-256': '' } }],
    ['a pool that is not there', 'github/ci/nobody', {}],
    ['a namespace that is not there', 'github/elsewhere/linux', {}],
    ['a pool without a secret', 'github/ci/keyless', {}],
    ['a pool of another forge', 'github/ci/tea', {}],
    ['a pool of none', 'none/ci/any', {}],
    ['a forge that there is not', 'gitbucket/ci/linux', {}],
    ['a name of the prototype', 'constructor/ci/linux', {}],
  ];
  test('is refused alike, whatever it is', async () => {
    const answers = [];
    for (const [, path, sent] of cases) {
      const { status, body } = await send(path, sent);
      const { instance, ...rest } = body;
      expect(instance).toBeTypeOf('string');
      answers.push({ status, ...rest });
    }
    expect(answers[0]).toMatchObject({ status: 401, code: 'webhook-refused' });
    expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(stand.written).toEqual([]);
    expect(await stand.counted('refused')).toBe(cases.length);
  });

  test('is limited by address, while genuine webhooks before it were never too many', async () => {
    const genuine = await Promise.all(Array.from({ length: 100 }, () => send('github/ci/linux')));
    expect(new Set(genuine.map(({ status }) => status))).toEqual(new Set([202]));
    const bad = await Promise.all(
      Array.from({ length: 100 }, () => send('github/ci/linux', { secret: 'wrong' })),
    );
    expect(bad.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(60);
    const limited = await send('github/ci/linux', { secret: 'wrong' });
    expect(limited).toMatchObject({ status: 429, body: { code: 'too-many-requests' } });
    expect(Number(limited.retryAfter)).toBeGreaterThan(0);
    stand.clock.ahead += 10_000;
    expect(await send('github/ci/linux')).toMatchObject(told);
  });

  test('a media type that no forge sends', async () => {
    expect(await send('github/ci/linux', { contentType: 'text/xml' })).toMatchObject({ status: 415 });
  });

  test('another method', async () => {
    expect((await fetch(`${stand.url}/webhooks/github/ci/linux`)).status).toBe(405);
  });

  test.each(['told beforehand', 'in chunks'])('10 MB, %s, without being kept', async (how) => {
    const big = Buffer.alloc(10 * 1024 * 1024, 'a');
    const { headers } = asGithub({ body: big });
    const length = how === 'in chunks' ? {} : { 'content-length': String(big.length) };
    const asked = request(`${stand.url}/webhooks/github/ci/linux`, {
      method: 'POST',
      headers: { ...headers, ...length },
    });
    // The server closes before it has it all.
    asked.on('error', () => undefined);
    // Until the answer is there no more than brings it: a write to a connection that the server has closed meanwhile
    // fails, and takes the answer with it.
    const enough = how === 'in chunks' ? 1024 * 1024 + 1 : 1;
    asked.write(big.subarray(0, enough));
    const [answer] = await once(asked, 'response');
    expect(answer.statusCode).toBe(413);
    const text = (await answer.setEncoding('utf8').toArray()).join('');
    expect(JSON.parse(text)).toMatchObject({ code: 'body-too-large' });
    asked.end(big.subarray(enough));
    expect(await send_small()).toMatchObject(told);
    asked.destroy();
  });
  const send_small = () => send('github/ci/linux');
});

test('while nothing is known of pools or secrets the forge is to come again', async () => {
  stand.pools.synced = false;
  expect(await send('github/ci/linux')).toMatchObject({ status: 503, retryAfter: '2' });
  stand.pools.synced = true;
  stand.secrets.synced = false;
  expect(await send('github/ci/linux')).toMatchObject({ status: 503, body: { code: 'unavailable' } });
  stand.secrets.synced = true;
  expect(await send('github/ci/linux')).toMatchObject(told);
});

test('where no pool has a secret it says what to do', async () => {
  setSecrets(stand, {});
  const { status, body } = await send('github/ci/linux');
  expect(status).toBe(404);
  expect(body.detail).toContain('webhookSecret');
});

test('a secret that is empty signs nothing', async () => {
  setSecrets(stand, { linux: '', tea: SECRET });
  expect(await send('github/ci/linux', { secret: '' })).toMatchObject({ status: 401 });
});

test('a secret that was changed counts from then on', async () => {
  setSecrets(stand, { linux: 'new' });
  expect(await send('github/ci/linux')).toMatchObject({ status: 401 });
  expect(await send('github/ci/linux', { secret: 'new' })).toMatchObject(told);
});
