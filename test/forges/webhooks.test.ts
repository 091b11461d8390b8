import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { signedHeaders } from '../../src/forges/standard_webhook.ts';
import { WebhookRefused } from '../../src/forges/webhook.ts';
import { verifierOf, WEBHOOK_FORGES } from '../../src/forges/webhooks.ts';
import { FORGE_TYPES, type ForgeType } from '../../src/resources/pool_forge.ts';

const SECRET = 'correct horse';
const hex = (body: Buffer, secret: string) => createHmac('sha256', secret).update(body).digest('hex');

/** As each forge signs, by its own documentation. */
const SIGNED: Record<ForgeType, (body: Buffer, secret: string, id: string) => Record<string, string>> = {
  github: (body, secret, id) => ({
    'x-hub-signature-256': `sha256=${hex(body, secret)}`,
    'x-github-delivery': id,
    'x-github-event': 'workflow_job',
  }),
  gitea: (body, secret, id) => ({
    'x-gitea-signature': hex(body, secret),
    'x-gitea-delivery': id,
    'x-gitea-event': 'workflow_job',
  }),
  forgejo: (body, secret, id) => ({
    'x-forgejo-signature': hex(body, secret),
    'x-forgejo-delivery': id,
    'x-forgejo-event': 'push',
  }),
  gitlab: (body, secret, id) => ({
    ...signedHeaders({ id, timestamp: '1763754000', body }, secret),
    'idempotency-key': id,
    'x-gitlab-event': 'Job Hook',
  }),
  external: (body, secret, id) => signedHeaders({ id, timestamp: '1763754000', body }, secret),
};

test('there is a verifier for each forge that runners join', () => {
  expect([...WEBHOOK_FORGES].sort()).toEqual(FORGE_TYPES.filter((type) => type !== 'none').sort());
});

// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
test('the example of GitHub’s documentation is genuine', () => {
  const headers = {
    'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    'x-github-event': 'ping',
  };
  expect(verifierOf('github')(headers, Buffer.from('Hello, World!'), "It's a Secret to Everybody")).toEqual({
    id: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    relevant: false,
  });
});

test('GitLab’s secret token is one by itself, and no other is', () => {
  const verify = verifierOf('gitlab');
  const headers = { 'x-gitlab-event': 'Pipeline Hook', 'idempotency-key': 'one' };
  const body = Buffer.from('{}');
  expect(verify({ ...headers, 'x-gitlab-token': SECRET }, body, SECRET)).toEqual({
    id: 'one',
    relevant: true,
  });
  for (const token of [undefined, '', 'correct hors', 'correct horses', 'Correct horse'])
    expect(() => verify({ ...headers, 'x-gitlab-token': token }, body, SECRET)).toThrow(WebhookRefused);
});

describe.each(WEBHOOK_FORGES)('a webhook of %s', (type) => {
  const verify = verifierOf(type);
  const signed = SIGNED[type];
  const bodies = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

  test('is taken with its id, whatever its bytes are', () => {
    fc.assert(
      fc.property(bodies, fc.uuid(), (body, id) => {
        expect(verify(signed(body, SECRET, id), body, SECRET)).toEqual({ id, relevant: true });
      }),
    );
  });

  test('is refused with one byte changed, another secret, or another forge’s signature', () => {
    fc.assert(
      fc.property(bodies, fc.nat(), fc.integer({ min: 1, max: 255 }), (body, at, change) => {
        const headers = signed(body, SECRET, 'one');
        expect(() => verify(headers, body, 'another')).toThrow(WebhookRefused);
        expect(() => verify(headers, Buffer.concat([body, Buffer.from([change])]), SECRET)).toThrow(
          WebhookRefused,
        );
        if (body.length === 0) return;
        const other = Buffer.from(body);
        other[at % body.length] = (other[at % body.length] ?? 0) ^ change;
        expect(() => verify(headers, other, SECRET)).toThrow(WebhookRefused);
      }),
    );
  });

  test('is refused without any of what signs it, or with what can be no signature', () => {
    const body = Buffer.from('{}');
    expect(() => verify({}, body, SECRET)).toThrow(WebhookRefused);
    const headers = signed(body, SECRET, 'one');
    const [name = '', value = ''] = Object.entries(headers).find(([key]) => key.includes('signature')) ?? [];
    for (const bad of [undefined, '', 'sha256=', 'v1,', value.slice(0, -2), value.slice(1), 'é'.repeat(64)])
      expect(() => verify({ ...headers, [name]: bad }, body, SECRET), bad).toThrow(WebhookRefused);
  });

  test('has an id that may stand in a status, whatever its header is', () => {
    const body = Buffer.from('{}');
    for (const id of ['', 'x'.repeat(129), 'a b', 'ü', 'a\nb']) {
      const found = verify(signed(body, SECRET, id), body, SECRET).id;
      expect(found).toMatch(/^sha256:[0-9a-f]{64}$/);
    }
  });
});
