import { createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { fetchPlain, parseHead } from '../../src/sidecar/fetch_plain.ts';
import { listen, serve, urlOf } from './stand.ts';

let close: (() => void) | undefined;
afterEach(() => close?.());

/** A store that answers these bytes and ends, and a server that relays from it. */
async function relayOf(answer: string): Promise<string> {
  const store = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answer));
  });
  await listen(store as never);
  const front = await serve(async (_request, response) => {
    try {
      const stored = await fetchPlain(new URL(`${urlOf(store)}/blob?sig=x`), {}, 15_000);
      response.writeHead(stored.status, { 'content-length': String(stored.headers['content-length']) });
      await stored.relay(response);
    } catch {
      if (response.headersSent) response.destroy();
      else response.writeHead(503).end();
    }
  });
  close = () => {
    front.close();
    store.close();
  };
  return front.url;
}

describe('a plain GET', () => {
  it.each([
    ['a body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 200, 'hello'],
    ['an empty body', 'HTTP/1.1 206 Partial Content\r\ncontent-length:0\r\n\r\n', 206, ''],
    ['a body of unknown length', 'HTTP/1.1 200 OK\r\n\r\nhello', 503, ''],
    ['a chunked body', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 503, ''],
    ['another protocol', 'SSH-2.0-OpenSSH_9.9\r\n\r\n', 503, ''],
    ['nothing', '', 503, ''],
    ['a head without an end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`, 503, ''],
  ])('of %s', async (_what, answer, status, body) => {
    const got = await fetch(await relayOf(answer));
    expect([got.status, await got.text()]).toEqual([status, body]);
  });

  it('breaks off when the store does, so that the client cannot take a part for the whole', async () => {
    const url = await relayOf('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello');
    await expect(fetch(url).then((answer) => answer.text())).rejects.toThrow();
  });
});

describe('the head of an answer', () => {
  it.each([
    ['HTTP/1.1 200\r\ncontent-length: 1', { status: 200, headers: { 'content-length': '1' }, length: 1 }],
    [
      'HTTP/1.1 404 Not Found\r\nContent-Length:\t7 ',
      { status: 404, headers: { 'content-length': '7' }, length: 7 },
    ],
    ['HTTP/1.0 200 OK\r\ncontent-length: 1', undefined],
    ['HTTP/1.1 100 Continue\r\ncontent-length: 0', undefined],
    ['HTTP/1.1 200 OK\r\ncontent-length: -1', undefined],
    ['HTTP/1.1 200 OK\r\ncontent-length: 1, 2', undefined],
    ['HTTP/1.1 200 OK\r\n folded: 1\r\ncontent-length: 1', undefined],
  ])('%j', (text, expected) => {
    expect(parseHead(text)).toEqual(expected);
  });
});
