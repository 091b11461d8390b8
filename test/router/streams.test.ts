import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request, type Server } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { anUpstream, aRouter, eventually, listen, type Stand, shut, to } from './stand.ts';

let stand: Stand | undefined;
const servers: Server[] = [];
afterEach(async () => {
  await stand?.[Symbol.asyncDispose]();
  stand = undefined;
  await Promise.all(servers.splice(0).map(shut));
});

type Listener = Parameters<typeof anUpstream>[0];

async function standBefore(answer: Listener): Promise<void> {
  const server = anUpstream(answer);
  servers.push(server);
  stand = await aRouter({ '1': await listen(server) });
}

function ask(method: string, headers: Record<string, string | number> = {}): ClientRequest {
  const outgoing = request({
    host: '127.0.0.1',
    port: stand?.port,
    path: '/v1/x',
    method,
    headers: { ...to('1'), ...headers },
    agent: false,
  });
  outgoing.on('error', () => {});
  return outgoing;
}

const answerTo = async (outgoing: ClientRequest): Promise<IncomingMessage> => {
  const [answer] = await once(outgoing, 'response');
  return answer as IncomingMessage;
};

const textOf = async (answer: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of answer) text += chunk;
  return text;
};

describe('a body', () => {
  test('is handed on as it comes, each chunk before the next, both ways at once', async () => {
    await standBefore((incoming, response) => {
      response.writeHead(200);
      response.flushHeaders();
      incoming.on('data', (chunk) => response.write(`<${chunk}>`));
      incoming.on('end', () => response.end('.'));
    });
    const outgoing = ask('POST', { 'transfer-encoding': 'chunked' });
    outgoing.write('a');
    const answer = await answerTo(outgoing);
    const heard: string[] = [];
    answer.on('data', (chunk) => heard.push(String(chunk)));
    await eventually(() => heard.join('') === '<a>');
    outgoing.write('b');
    await eventually(() => heard.join('') === '<a><b>');
    outgoing.end();
    await eventually(() => heard.join('') === '<a><b>.');
  });

  test('shows its headers before its first byte', async () => {
    let go: (() => void) | undefined;
    await standBefore((_, response) => {
      response.writeHead(200, { 'x-early': '1' });
      response.flushHeaders();
      go = () => response.end('late');
    });
    const outgoing = ask('GET');
    outgoing.end();
    const answer = await answerTo(outgoing);
    expect(answer.headers['x-early']).toBe('1');
    go?.();
    expect(await textOf(answer)).toBe('late');
  });

  test('keeps its length, or stays without one', async () => {
    await standBefore((incoming, response) => {
      const { 'content-length': length, 'transfer-encoding': encoding } = incoming.headers;
      response.end(JSON.stringify({ length, encoding }));
      incoming.resume();
    });
    const sized = ask('PUT', { 'content-length': 3 });
    sized.end('abc');
    const answer = await answerTo(sized);
    expect(await textOf(answer)).toBe('{"length":"3"}');
    expect(answer.headers['content-length']).toBe('14');
    const chunked = ask('PUT', { 'transfer-encoding': 'chunked' });
    chunked.end('abc');
    expect(await textOf(await answerTo(chunked))).toBe('{"encoding":"chunked"}');
  });

  test('is followed by its trailers', async () => {
    await standBefore((incoming, response) => {
      response.writeHead(200, { trailer: 'x-sum', 'x-te': incoming.headers.te ?? '' });
      response.write('abc');
      response.addTrailers({ 'x-sum': '42' });
      response.end();
    });
    const outgoing = ask('GET', { te: 'trailers' });
    outgoing.end();
    const answer = await answerTo(outgoing);
    expect(await textOf(answer)).toBe('abc');
    expect(answer.headers).toMatchObject({ trailer: 'x-sum', 'x-te': 'trailers' });
    expect(answer.trailers).toEqual({ 'x-sum': '42' });
  });

  test('waits at a reader that is slow, all the way to where it comes from', async () => {
    const chunk = Buffer.alloc(64 * 1024);
    let written = 0;
    await standBefore((_, response) => {
      const write = () => {
        while (written < 256 * 1024 * 1024) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', write);
        }
        response.end();
      };
      write();
    });
    const outgoing = ask('GET');
    outgoing.end();
    const answer = await answerTo(outgoing);
    answer.pause();
    // How long the buffers on the way take to fill is the machine's matter; then nothing moves any more.
    await eventually(async () => {
      const stood = written;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return written === stood;
    });
    // What the kernel's buffers of two connections hold, and no more.
    expect(written).toBeLessThan(64 * 1024 * 1024);
    answer.destroy();
  });
});

describe('Expect: 100-continue', () => {
  test('is granted once the cell is there to take the body', async () => {
    await standBefore(async (incoming, response) => response.end(await textOf(incoming)));
    const outgoing = ask('PUT', { expect: '100-continue', 'content-length': 4 });
    outgoing.flushHeaders();
    await once(outgoing, 'continue');
    outgoing.end('body');
    expect(await textOf(await answerTo(outgoing))).toBe('body');
  });

  test('is not, where the request goes nowhere', async () => {
    stand = await aRouter({ '1': 'http://127.0.0.1:9' });
    let continued = false;
    for (const [headers, status] of [
      [{ authorization: 'Bearer a.b.c.d' }, 400],
      [{}, 502],
    ] as const) {
      const outgoing = ask('PUT', { ...headers, expect: '100-continue', 'content-length': 4 });
      outgoing.on('continue', () => {
        continued = true;
      });
      outgoing.flushHeaders();
      expect((await answerTo(outgoing)).statusCode).toBe(status);
      outgoing.destroy();
    }
    expect(continued).toBe(false);
  });
});

describe('an end before its time', () => {
  test('of the client, while it waits: the cell hears of it, and is not blamed', async () => {
    let gone = false;
    let asked = false;
    await standBefore((_, response) => {
      asked = true;
      response.once('close', () => {
        gone = true;
      });
    });
    const outgoing = ask('GET');
    outgoing.end();
    await eventually(() => asked);
    outgoing.destroy();
    await eventually(() => gone);
    expect(stand?.cells.get('1')?.health.failures).toBe(0);
  });

  test('of the client, in the middle of its upload', async () => {
    let aborted = false;
    let received = 0;
    await standBefore((incoming) => {
      incoming.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      incoming.on('error', () => {
        aborted = true;
      });
    });
    const outgoing = ask('PUT', { 'content-length': 1000 });
    outgoing.write('x'.repeat(10));
    await eventually(() => received === 10);
    outgoing.destroy();
    await eventually(() => aborted);
    expect(stand?.cells.get('1')?.health.failures).toBe(0);
  });

  test('of the client, in the middle of its download', async () => {
    let gone = false;
    await standBefore((_, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('x');
      response.once('close', () => {
        gone = true;
      });
    });
    const outgoing = ask('GET');
    outgoing.end();
    const answer = await answerTo(outgoing);
    answer.on('error', () => {});
    answer.once('data', () => outgoing.destroy());
    await eventually(() => gone);
    expect(stand?.cells.get('1')?.health.failures).toBe(0);
  });

  test.each([
    ['with a length', { 'content-length': '1000' }],
    ['in chunks', {}],
  ])(
    'of the cell, in the middle of an answer %s: the client never takes it for whole',
    async (_, headers) => {
      await standBefore((incoming, response) => {
        response
          .writeHead(200, headers as Record<string, string>)
          .write('x', () => incoming.socket.destroy());
      });
      const outgoing = ask('GET');
      outgoing.end();
      await expect(textOf(await answerTo(outgoing))).rejects.toThrow('aborted');
      expect(stand?.cells.get('1')?.health.failures).toBe(0);
    },
  );

  test('of the cell, by an answer to an upload that it does not want: the client has the answer', async () => {
    await standBefore((_, response) => {
      response.writeHead(413).end('too much');
    });
    const outgoing = ask('PUT', { 'content-length': 64 * 1024 * 1024 });
    const chunk = Buffer.alloc(1024 * 1024);
    let sent = 0;
    const write = () => {
      while (sent < 64 && !outgoing.destroyed) {
        sent++;
        if (!outgoing.write(chunk)) return void outgoing.once('drain', write);
      }
    };
    write();
    const answer = await answerTo(outgoing);
    expect(answer.statusCode).toBe(413);
    expect(await textOf(answer)).toBe('too much');
    outgoing.destroy();
    expect(stand?.cells.get('1')?.health.failures).toBe(0);
  });

  test('reaches also who closes after it, however much of the body is still to come', async () => {
    stand = await aRouter({ '1': 'http://127.0.0.1:9' });
    const socket = connect({ port: stand.port, host: '127.0.0.1', allowHalfOpen: true });
    let received = '';
    socket.setEncoding('utf8').on('data', (text) => {
      received += text;
    });
    const errors: string[] = [];
    socket.on('error', (error) => errors.push(error.message));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const piece = 'x'.repeat(100_000);
    const length = `content-length: ${20 * piece.length}`;
    socket.write(
      `PUT / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a.b.c.d\r\nconnection: close\r\n${length}\r\n\r\n`,
    );
    await expect.poll(() => received).toContain('400 Bad Request');
    // A connection that was closed with this unread would be reset.
    for (let sent = 0; sent < 20; sent++) {
      socket.write(piece);
      await sleep(5);
    }
    socket.end();
    await closed;
    expect(errors).toEqual([]);
  });

  test('of the router’s patience: who goes on sending after the answer is cut off', async () => {
    stand = await aRouter({ '1': 'http://127.0.0.1:9' });
    const outgoing = ask('PUT', {
      authorization: 'Bearer a.b.c.d',
      'content-length': 1_000_000_000,
      // Else the client itself closes when it has the answer.
      connection: 'keep-alive',
    });
    // Not by `once` of node:events: a write that meets the cut is an error, and just as good.
    const closed = new Promise((resolve) => outgoing.once('close', resolve));
    const trickle = setInterval(() => outgoing.write('x'), 50);
    const answer = await answerTo(outgoing);
    expect(answer.statusCode).toBe(400);
    answer.resume();
    await closed;
    clearInterval(trickle);
  });
});
