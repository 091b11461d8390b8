import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CellNames, type Route, route } from '../../src/router/route.ts';
import { encodePlain } from '../../src/tokens/routable/encode_plain.ts';
import { encodeRoutable } from '../../src/tokens/routable/encode_routable.ts';
import { jwtSaying } from './bearers.ts';

const cells = (...names: string[]): CellNames => ({
  has: (name) => names.includes(name),
  default: undefined,
});
const withDefault: CellNames = { has: (name) => name === '1', default: '1' };

const routable = (cell: string) =>
  encodeRoutable({ prefix: 'hrt_', routing: { cell, organization: '1' }, random: randomBytes(16) });
const bearer = (token: string) => `Bearer ${token}`;
const plain = encodePlain('hrt_', randomBytes(20));
const BLOB = '/v1/blobs/entries/e?tenant=t&exp=1&sig=s';

function summary(found: Route): string {
  if (found.to === 'cell') return found.cell;
  return found.to === 'itself' ? `itself ${found.path}` : found.problem.code;
}

describe('where a request goes', () => {
  test.each<[what: string, url: string, authorization: string | undefined, names: CellNames, to: string]>([
    ['a routable token', '/v1/registrations', bearer(routable('1')), cells('1'), '1'],
    ['a number in base 36', '/v1/registrations', bearer(routable('1295')), cells('1295'), '1295'],
    ['a name', '/v1/registrations', bearer(routable('eu-west')), cells('eu-west'), 'eu-west'],
    // Known good, of another system: cell 1, organization 1.
    ['t2_', '/x', 'Bearer t2_YzoxCm86McBZvbkDPhEYLTOsgNjxLaQQ.0w0rpsm6v', cells('1'), '1'],
    ['t3_', '/x', 'Bearer t3_YzoxCm86MfSW16832Qmg3aCkgSuq6SMQ.0w0ez9zrg', cells('1'), '1'],
    ['a JWT', '/v1/runner', bearer(jwtSaying({ cell: 'eu-west' })), cells('eu-west'), 'eu-west'],
    ['the scheme in any case', '/v1/runner', `bEaReR ${jwtSaying({ cell: '1' })}`, cells('1'), '1'],
    ['a JWT without a cell', '/v1/runner', bearer(jwtSaying({})), cells('1'), 'bad-request'],
    ['a JWT without a cell, to the default', '/v1/runner', bearer(jwtSaying({})), withDefault, '1'],
    ['a JWT that is not ours, to the default', '/v1/runner', bearer(jwtSaying(undefined)), withDefault, '1'],
    ['a plain token', '/v1/registrations', bearer(plain), cells('1'), 'bad-request'],
    ['a plain token, to the default', '/v1/registrations', bearer(plain), withDefault, '1'],
    ['an unknown cell', '/v1/runner', bearer(jwtSaying({ cell: '2' })), cells('1'), 'cell-unknown'],
    ['an unknown cell, whatever the default', '/x', bearer(routable('2')), withDefault, 'cell-unknown'],
    ['no bearer', '/v1/runner', undefined, withDefault, 'unauthorized'],
    ['no bearer', '/v1/runner?cell=1', undefined, withDefault, 'unauthorized'],
    ['an empty bearer', '/v1/runner', 'Bearer ', withDefault, 'unauthorized'],
    ['another scheme', '/v1/runner', 'Basic YTpi', withDefault, 'unauthorized'],
    ['no token at all', '/v1/runner', 'Bearer a.b.c.d', withDefault, 'bad-request'],
    ['a wrong checksum', '/x', `${bearer(routable('1')).slice(0, -7)}0000000`, withDefault, 'bad-request'],
    ['a cell that is no name', '/x', bearer(jwtSaying({ cell: '../x' })), withDefault, 'bad-request'],
    ['a cell that is no text', '/x', bearer(jwtSaying({ cell: 1 })), withDefault, 'bad-request'],
    ['a signed URL', `${BLOB}&cell=eu-west`, undefined, cells('eu-west'), 'eu-west'],
    ['a signed URL of a part', '/v1/blobs/parts/b?size=1&cell=1', undefined, cells('1'), '1'],
    ['a signed URL, not by a bearer', `${BLOB}&cell=1`, bearer(routable('2')), cells('1', '2'), '1'],
    ['a signed URL without a cell', BLOB, undefined, cells('1'), 'bad-request'],
    ['a signed URL without a cell, to the default', BLOB, undefined, withDefault, '1'],
    ['a signed URL of an unknown cell', `${BLOB}&cell=2`, undefined, withDefault, 'cell-unknown'],
    ['keys, to the default', '/.well-known/jwks.json', undefined, withDefault, '1'],
    ['keys of a cell', '/.well-known/jwks.json?cell=2', undefined, cells('1', '2'), '2'],
    ['keys of no cell', '/.well-known/jwks.json', undefined, cells('1'), 'not-found'],
    ['the description', '/openapi.json', undefined, withDefault, '1'],
    ['introspection by its client', '/v1/introspect?cell=1', 'Basic YTpi', cells('1'), '1'],
    ['its own health', '/healthz', undefined, cells(), 'itself /healthz'],
    ['its own readiness', '/readyz?verbose', undefined, cells(), 'itself /readyz'],
    ['a proxy request', 'http://elsewhere/v1/runner', bearer(routable('1')), cells('1'), 'bad-request'],
    ['the asterisk', '*', bearer(routable('1')), cells('1'), 'bad-request'],
  ])('%s: %s', (_, url, authorization, names, to) => {
    expect(summary(route({ url, authorization }, names))).toBe(to);
  });

  test('a problem tells nothing of the bearer', () => {
    for (const token of [routable('2'), jwtSaying({ cell: '2' }), `${plain}.`]) {
      const found = route({ url: '/v1/runner', authorization: bearer(token) }, withDefault);
      expect(found.to).toBe('nobody');
      expect(JSON.stringify(found)).not.toContain(token.slice(0, 12));
    }
  });

  test('whatever comes, it is decided, and never for a cell that there is not', () => {
    fc.assert(
      fc.property(fc.webPath(), fc.option(fc.string(), { nil: undefined }), (path, text) => {
        const authorization = text === undefined ? undefined : `Bearer ${text}`;
        const found = route({ url: `/${path}`, authorization }, withDefault);
        if (found.to === 'cell') expect(found.cell).toBe('1');
      }),
    );
  });
});
