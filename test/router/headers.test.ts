import { describe, expect, test } from 'vitest';
import { requestHeaders, responseHeaders } from '../../src/router/headers.ts';

const ask = (headers: Record<string, string | string[]>, trusted = false, peer = '192.0.2.7') =>
  requestHeaders({ headers: headers as never, peer, trusted });
const OWN = { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'http' };

describe('headers to the cell', () => {
  test.each<[what: string, sent: Record<string, string>, kept: Record<string, string>]>([
    [
      'what is of the message',
      { authorization: 'Bearer x', accept: '*/*' },
      { authorization: 'Bearer x', accept: '*/*' },
    ],
    [
      'nothing that is of the connection',
      {
        connection: 'keep-alive',
        'keep-alive': 'timeout=5',
        'proxy-authorization': 'Basic x',
        'proxy-connection': 'keep-alive',
        te: 'gzip',
        trailer: 'x',
        'transfer-encoding': 'chunked',
        upgrade: 'h2c',
        'http2-settings': 'x',
        expect: '100-continue',
      },
      {},
    ],
    [
      'nothing that Connection names',
      { connection: 'close, X-Hop', 'x-hop': '1', 'x-stays': '1' },
      { 'x-stays': '1' },
    ],
    ['the wish for trailers', { te: 'trailers, gzip' }, { te: 'trailers' }],
    [
      "the cell's host, and the client's as what it was",
      { host: 'router.example' },
      { 'x-forwarded-host': 'router.example' },
    ],
    [
      'nothing that a stranger says about whom it forwards',
      {
        forwarded: 'for=1.1.1.1',
        'x-forwarded-for': '1.1.1.1',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'h',
        'x-real-ip': '1.1.1.1',
      },
      {},
    ],
  ])('keep %s', (_, sent, kept) => {
    expect(ask(sent)).toEqual({ ...OWN, ...kept });
  });

  test('carry on what a trusted proxy says', () => {
    const said = {
      'x-forwarded-for': '198.51.100.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'ci.example',
      host: 'router',
    };
    expect(ask(said, true)).toEqual({
      'x-forwarded-for': '198.51.100.1, 192.0.2.7',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'ci.example',
    });
    expect(ask({ host: 'router' }, true)).toEqual({ ...OWN, 'x-forwarded-host': 'router' });
  });

  test('give an IPv4 address as such', () => {
    expect(ask({}, false, '::ffff:192.0.2.7')).toEqual(OWN);
    expect(ask({}, false, '2001:db8::7')).toMatchObject({ 'x-forwarded-for': '2001:db8::7' });
  });
});

describe('headers to the client', () => {
  const sent = {
    connection: 'x-hop',
    'x-hop': '1',
    'keep-alive': 'timeout=72',
    'transfer-encoding': 'chunked',
    trailer: 'x-sum',
    'set-cookie': ['a=1', 'b=2'],
    'content-type': 'text/plain',
  };
  test('are those of the message, trailers announced where they can be sent', () => {
    const kept = { 'set-cookie': ['a=1', 'b=2'], 'content-type': 'text/plain' };
    expect(responseHeaders(sent, { withTrailers: false })).toEqual(kept);
    expect(responseHeaders(sent, { withTrailers: true })).toEqual({ ...kept, trailer: 'x-sum' });
  });
});
