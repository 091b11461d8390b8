import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { IntrospectionAnswer } from '../../../src/protocol/introspection.ts';
import { createTrustedIssuers, type TrustedIssuers } from '../../../src/runtime/trusted/check_visitor.ts';
import type { TrustedIssuer } from '../../../src/runtime/trusted/issuers_file.ts';
import { HARRIER_CLAIM } from '../../../src/tokens/claims.ts';
import { issueToken } from '../../../src/tokens/issue.ts';
import { makeSigningKey, publicKeySetOf, type SigningKey } from '../../../src/tokens/keys.ts';
import { TokenRefused } from '../../../src/tokens/refusal.ts';
import { AUDIENCE, aPool, aToken, ISSUER, NOW } from '../../tokens/builders.ts';

/** Another installation: what it publishes, what it answers, and how often it was asked. */
interface Elsewhere {
  entry: TrustedIssuer;
  key: SigningKey;
  keys: SigningKey[];
  status: { jwks: number; introspect: number };
  answer: Partial<IntrospectionAnswer>;
  asked: { jwks: number; introspect: string[] };
  jwt(name?: string, key?: SigningKey): Promise<string>;
  server: Server;
}

let folder: string;
let time: number;
let trusted: TrustedIssuers;
let cells: Elsewhere[];
let logged: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-trusted-'));
  await writeFile(join(folder, 'secret'), 's3cret +:\n');
  time = NOW.getTime();
  // Both ends are this process: its own pause of a second is no silence of the issuer's.
  vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => new AbortController().signal);
  logged = [];
  const log = pino({ level: 'debug' }, { write: (line) => logged.push(line) });
  trusted = createTrustedIssuers({ now: () => time, log });
  const key = await makeSigningKey(NOW);
  // The same key in both, as of an installation that was copied with its Secrets.
  cells = await Promise.all(['one', 'two'].map((name) => elsewhere(name, key)));
  trusted.use(cells.map(({ entry }) => entry));
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const { server } of cells) server.close();
  await rm(folder, { recursive: true });
});

async function elsewhere(name: string, key: SigningKey): Promise<Elsewhere> {
  const server = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const jwks = request.url === '/keys';
      if (jwks) cell.asked.jwks += 1;
      else cell.asked.introspect.push(`${request.headers.authorization} ${body}`);
      const status = jwks ? cell.status.jwks : cell.status.introspect;
      response.writeHead(status, { 'content-type': 'application/json', location: '/keys' });
      response.end(JSON.stringify(jwks ? publicKeySetOf(cell.keys) : cell.answer));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer = `https://${name}.example.com`;
  const cell: Elsewhere = {
    entry: {
      issuer,
      jwksUri: `${base}/keys`,
      introspection: { url: `${base}/introspect`, clientId: 'here', secretFile: join(folder, 'secret') },
      allowHttp: true,
    },
    key,
    keys: [key],
    status: { jwks: 200, introspect: 200 },
    answer: {
      active: true,
      iss: issuer,
      jti: 'uid-of-token-mac',
      sub: 'runner:ci/linux/mac',
      runner_state: 'Idle',
    },
    asked: { jwks: 0, introspect: [] },
    async jwt(runner = 'mac', signer = key) {
      const token = aToken(runner, { audiences: ['here'] });
      const request = { token, pool: aPool(), audience: 'here', issuer, key: signer, now: NOW };
      return (await issueToken(request)).jwt;
    },
    server,
  };
  return cell;
}

async function outcome(raw: string): Promise<string> {
  const check = trusted.of(raw);
  if (check === undefined) return 'not trusted';
  try {
    const { claims, standing } = await check(raw);
    return `${claims[HARRIER_CLAIM].cache.tenant} ${standing}`;
  } catch (error) {
    if (error instanceof TokenRefused) return error.refusal;
    throw error;
  }
}
const at = (index: number) => cells[index] as Elsewhere;

test('a runner of a trusted issuer is let in with a cache of its own, and asked about once a second', async () => {
  const raw = await at(0).jwt();
  for (let i = 0; i < 3; i++) expect(await outcome(raw)).toBe('https://one.example.com#ci/linux Idle');
  expect(at(0).asked.jwks).toBe(1);
  const secret = Buffer.from('here:s3cret+%2B%3A').toString('base64');
  expect(at(0).asked.introspect).toEqual([`Basic ${secret} token=${raw}`]);
  time += 999;
  await outcome(raw);
  expect(at(0).asked.introspect).toHaveLength(1);
  time += 1;
  at(0).answer = { active: false };
  expect(await outcome(raw)).toBe('revoked-token');
  expect(at(0).asked.introspect).toHaveLength(2);
  expect(logged.join('')).not.toContain(raw.slice(-40));
});

test('each issuer vouches for its own tokens only, though kid and jti are the same in both', async () => {
  const [one, two] = await Promise.all([at(0).jwt(), at(1).jwt()]);
  expect(await outcome(one)).toBe('https://one.example.com#ci/linux Idle');
  expect(await outcome(two)).toBe('https://two.example.com#ci/linux Idle');
  at(0).answer = { active: false };
  time += 1_000;
  expect(await outcome(one)).toBe('revoked-token');
  expect(await outcome(two)).toBe('https://two.example.com#ci/linux Idle');
  at(1).keys = [];
  time += 60_000;
  at(0).answer = {
    active: true,
    iss: at(0).entry.issuer,
    jti: 'uid-of-token-mac',
    sub: 'runner:ci/linux/mac',
  };
  at(0).answer.runner_state = 'Busy';
  expect(await outcome(one)).toBe('https://one.example.com#ci/linux Busy');
  expect(await outcome(two)).toBe('unknown-key');
});

test('nobody else is', async () => {
  const own = await issueToken({
    token: aToken(),
    pool: aPool(),
    issuer: ISSUER,
    audience: AUDIENCE,
    key: at(0).key,
    now: NOW,
  });
  expect(await outcome(own.jwt)).toBe('not trusted');
  for (const garbage of [
    '',
    'x',
    'a.b.c',
    '..',
    'e30.e30.e30',
    `e30.${Buffer.from('null').toString('base64url')}.x`,
  ])
    expect(await outcome(garbage)).toBe('not trusted');
  const raw = await at(0).jwt();
  expect(await outcome(raw)).toMatch(/Idle$/);
  trusted.use([at(1).entry]);
  expect(await outcome(raw)).toBe('not trusted');
});

test('what isn’t meant for us is refused before anybody is asked', async () => {
  const cell = at(0);
  const issue = { pool: aPool(), issuer: cell.entry.issuer, key: cell.key, now: NOW };
  const elsewhere = await issueToken({ ...issue, token: aToken('mac'), audience: AUDIENCE });
  expect(await outcome(elsewhere.jwt)).toBe('wrong-audience');
  const agent = aToken('mac', { audiences: ['here'], agent: true });
  const both = await issueToken({ ...issue, token: agent, audience: 'here' });
  expect(await outcome(both.agentJwt ?? '')).toBe('wrong-audience');
  time += 2 * 3_600_000;
  expect(await outcome(await cell.jwt())).toBe('expired');
  expect(cell.asked.introspect).toEqual([]);
});

test.each<[string, (cell: Elsewhere) => void]>([
  ['its introspection fails', (cell) => (cell.status.introspect = 503)],
  ['it refuses us', (cell) => (cell.status.introspect = 401)],
  ['it leads elsewhere', (cell) => (cell.status.introspect = 302)],
  ['it speaks of another issuer', (cell) => (cell.answer.iss = 'https://two.example.com')],
  ['it speaks of another token', (cell) => (cell.answer.jti = 'another')],
  ['it speaks of another runner', (cell) => (cell.answer.sub = 'runner:ci/linux/other')],
  ['it names no state', (cell) => delete cell.answer.runner_state],
  ['its keys can not be had', (cell) => (cell.status.jwks = 500)],
  ['its keys are no key set', (cell) => (cell.keys = [{ jwk: { kid: 'x' } } as SigningKey])],
  ['it is gone', (cell) => cell.server.close()],
  ['its answer is too large', (cell) => (cell.answer.scope = 'x'.repeat(20_000))],
  ['our secret is not there', () => rm(join(folder, 'secret'))],
])('a token is refused when %s', async (_what, breakIt) => {
  await breakIt(at(0));
  expect(await outcome(await at(0).jwt())).toMatch(/^(unverifiable|unknown-key)$/);
});

test('its keys are asked for when a kid is new, but not by everybody who makes one up', async () => {
  const cell = at(0);
  await outcome(await cell.jwt());
  const next = await makeSigningKey(NOW);
  const [good, made] = [await cell.jwt('mac', next), await cell.jwt('mac', await makeSigningKey(NOW))];
  cell.keys = [...cell.keys, next];
  time += 5_000;
  expect(await outcome(good)).toMatch(/Idle$/);
  expect(cell.asked.jwks).toBe(2);
  for (let i = 0; i < 20; i++) expect(await outcome(made)).toBe('unknown-key');
  expect(cell.asked.jwks).toBe(2);
});

test('keys that can not be had anew are good for a minute and no longer', async () => {
  const cell = at(0);
  const raw = await cell.jwt();
  expect(await outcome(raw)).toMatch(/Idle$/);
  cell.status.jwks = 503;
  time += 59_999;
  expect(await outcome(raw)).toMatch(/Idle$/);
  time += 1;
  expect(await outcome(raw)).toBe('unknown-key');
  time += 1_000;
  expect(await outcome(raw)).toBe('unknown-key');
  expect(cell.asked.jwks).toBe(2);
  cell.status.jwks = 200;
  time += 5_000;
  expect(await outcome(raw)).toMatch(/Idle$/);
});
