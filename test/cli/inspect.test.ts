import { describe, expect, test } from 'vitest';
import { inspectToken } from '../../src/cli/inspect_token.ts';
import { encodePlain } from '../../src/tokens/routable/encode_plain.ts';
import { encodeRoutable } from '../../src/tokens/routable/encode_routable.ts';
import { anIssue, NOW } from '../tokens/builders.ts';
import { aRoutable, KNOWN_GOOD } from '../tokens/routable/samples.ts';
import { harrier } from './harrier.ts';

const [T2] = KNOWN_GOOD;
const BROKEN = T2.replace('Yzox', 'YzoX');
const RANDOM = Buffer.from('0123456789abcdef');

describe('what a token says', () => {
  test('routable', () => {
    expect(inspectToken(aRoutable('glrt-t2_'), NOW)).toEqual({
      format: 'routable',
      prefix: 'glrt-t2_',
      routing: { cell: '1', organization: 'acme' },
      randomBytes: 16,
      checksum: 'ok',
    });
  });

  test('plain', () => {
    expect(inspectToken(encodePlain('hrt_', RANDOM), NOW)).toEqual({
      format: 'plain',
      prefix: 'hrt_',
      routing: {},
      randomBytes: 16,
      checksum: 'none',
    });
  });

  test('a JWT: its header, its claims and what the clock says of it, but not its signature', async () => {
    const { jwt, claims, kid } = await anIssue({ routing: { cell: 'eu-1', organization: 'acme' } });
    const at = (seconds: number) => new Date(seconds * 1000);
    const read = inspectToken(jwt, NOW);
    expect(read).toEqual({
      format: 'jwt',
      routing: { cell: 'eu-1', organization: 'acme' },
      header: { alg: 'ES256', typ: 'at+jwt', kid },
      claims,
      signature: 'unverified',
      validity: {
        standing: 'in-time',
        issuedAt: at(claims.iat).toISOString(),
        notBefore: at(claims.nbf).toISOString(),
        expiresAt: at(claims.exp).toISOString(),
      },
    });
    expect(JSON.stringify(read)).not.toContain(jwt.split('.')[2]);
    expect(inspectToken(jwt, at(claims.exp))).toMatchObject({ validity: { standing: 'expired' } });
    expect(inspectToken(jwt, at(claims.exp - 1))).toMatchObject({ validity: { standing: 'in-time' } });
    expect(inspectToken(jwt, at(claims.nbf - 6))).toMatchObject({ validity: { standing: 'not-yet-valid' } });
  });

  test.each([
    ['a time that is a text', { exp: 'tomorrow' }],
    ['a time beyond all calendars', { exp: 1e20 }],
    ['a cell that is none', { 'harrier.dev': { cell: '../x' } }],
  ])('a JWT with %s is malformed', (_, claims) => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const jwt = `${part({ alg: 'ES256' })}.${part(claims)}.AAAA`;
    expect(inspectToken(jwt, NOW)).toMatchObject({ format: 'jwt', reason: 'claims' });
  });

  test.each([
    ['routable', BROKEN, 'checksum'],
    ['plain', 'hrt_MDEyMzQ1', 'count'],
    ['plain', 'a-secret', 'form'],
    ['jwt', 'a.b.c', 'base64'],
    ['unknown', 'a.b.c.d', 'form'],
  ])('a malformed %s one has a reason', (format, token, reason) => {
    expect(inspectToken(token, NOW)).toMatchObject({ format, reason, message: expect.any(String) });
  });
});

/** Fails on any import of the cluster's client, whoever asks for it. */
const WITHOUT_CLIENT = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ resolve(specifier, context, next) {
    if (/kubernetes|undici|kube\\/(client|transport)/.test(specifier)) throw new Error('loads ' + specifier);
    return next(specifier, context);
  } });`)}`;

describe('harrier token inspect', () => {
  test('prints JSON and exits 0, without the client of a cluster', async () => {
    const { code, out, err } = await harrier(['inspect', T2], { node: ['--import', WITHOUT_CLIENT] });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject({ format: 'routable', routing: { cell: '1', organization: '1' } });
    const list = await harrier(['list'], { node: ['--import', WITHOUT_CLIENT] });
    expect(list).toMatchObject({ code: 1, err: expect.stringContaining('loads ') });
  });

  test.each([[['inspect']], [['inspect', '-']], [['inspect', '-o', 'json', '-']]])(
    'reads standard input with %j',
    async (args) => {
      const { code, out } = await harrier(args, { input: `${T2}\n` });
      expect([code, JSON.parse(out)]).toEqual([0, inspectToken(T2, NOW)]);
    },
  );

  test('prints the reason for a malformed one, as JSON and in words, and exits 1', async () => {
    const { code, out, err } = await harrier(['inspect', BROKEN]);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ format: 'routable', checksum: 'wrong', reason: 'checksum' });
    expect(err).toContain('its checksum is wrong');
  });

  test('never prints any of the random part', async () => {
    const routing = { cell: '1', organization: '1' };
    const random = Buffer.from('RANDOMbytesRANDOMbytesRA', 'base64url');
    for (const token of [encodeRoutable({ prefix: 'hrt_', routing, random }), encodePlain('hrt_', random)]) {
      const { code, out, err } = await harrier(['inspect', token]);
      expect(code).toBe(0);
      for (let at = 16; at + 6 <= token.length; at++)
        expect(out + err).not.toContain(token.slice(at, at + 6));
    }
  });

  test.each([
    ['two tokens', ['inspect', T2, T2]],
    ['a token as an option', ['inspect', `--${T2}`]],
    ['a token as an option of one letter', ['inspect', `-${T2}`]],
    ['a token as the format', ['inspect', '-o', T2, T2]],
    ['a token instead of a command', [T2]],
    ['nothing at all', ['inspect']],
    ['no command', []],
  ])('exits 2 on %s, quoting nothing of it', async (_, args) => {
    const { code, out, err } = await harrier(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).not.toContain(T2.slice(3, 12));
    expect(err).toMatch(/Usage: harrier token/);
  });

  test('gives up on a file that is no token', async () => {
    const { code, err } = await harrier(['inspect'], { input: 'x'.repeat(200_000) });
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('longer than 65536 bytes') });
  });
});
