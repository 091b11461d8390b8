import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ShortWayStand } from './stand.ts';

const stand = new ShortWayStand();
beforeEach(() => stand.open());
afterEach(() => stand.close());

describe('on a connection', () => {
  let socket: Socket;
  let received = '';
  beforeEach(async () => {
    received = '';
    socket = connect(Number(new URL(stand.url).port), '127.0.0.1');
    socket.setEncoding('utf8').on('data', (text) => {
      received += text;
    });
    await once(socket, 'connect');
  });
  afterEach(() => socket.destroy());

  const head = (length: number) =>
    `POST /counted HTTP/1.1\r\nhost: x\r\nauthorization: ${stand.authorization}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
  const until = async (holds: () => boolean) => {
    while (!holds()) await sleep(5);
  };

  it('puts a body together that comes in pieces', async () => {
    const body = Buffer.from('{"word":"ünïcode"}');
    socket.write(head(body.length));
    for (const byte of body) {
      socket.write(Buffer.of(byte));
      await sleep(1);
    }
    await until(() => received.endsWith('}'));
    expect(received).toContain('{"said":"ünïcode"}');
    expect(stand.went).toEqual({ short: 1, usual: 0 });
  });

  it('answers in the order of the questions, whichever way they go', async () => {
    const bodies = [
      '{"word":"a","wait":30}',
      '{"word":1}',
      '{"word":"c"}',
      '{"word":"only the handler"}',
      '{"word":"e"}',
    ];
    socket.write(bodies.map((body) => head(body.length) + body).join(''));
    await until(() => received.includes('"e"'));
    expect(received.match(/HTTP\/1\.1 \d+|"said":"\w"/g)).toEqual([
      ...['HTTP/1.1 200', '"said":"a"', 'HTTP/1.1 422', 'HTTP/1.1 200', '"said":"c"'],
      ...['HTTP/1.1 200', '"said":"x"', 'HTTP/1.1 200', '"said":"e"'],
    ]);
  });

  it('forgets a body that never ends', async () => {
    socket.write(`${head(100)}{"word":`);
    await sleep(20);
    socket.destroy();
    expect(JSON.parse((await stand.sendJson('/counted', { word: 'next' })).body)).toEqual({ said: 'next' });
    expect(stand.went).toEqual({ short: 1, usual: 0 });
  });

  it('closes while the server does', async () => {
    const body = '{"word":"last","wait":50}';
    socket.write(head(body.length) + body);
    await until(() => stand.went.short === 1);
    // From here on: the connection may be gone before the second question is on its way, or under it.
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    const closed = stand.api.app.close();
    await until(() => received.endsWith('}'));
    expect(received).toContain('"said":"last"');
    socket.write(head(body.length) + body);
    await Promise.all([closed, ended]);
    expect(stand.went.short).toBe(1);
  });
});
