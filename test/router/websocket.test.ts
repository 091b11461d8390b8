import { once } from 'node:events';
import type { Server } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { anUpstream, aRouter, eventually, listen, type Stand, shut, to } from './stand.ts';

let stand: Stand | undefined;
const servers: Server[] = [];
const sockets: WebSocketServer[] = [];
afterEach(async () => {
  await stand?.[Symbol.asyncDispose]();
  stand = undefined;
  for (const server of sockets.splice(0)) for (const client of server.clients) client.terminate();
  await Promise.all(servers.splice(0).map(shut));
});

async function standBefore(connected: (socket: WebSocket) => void): Promise<Server> {
  const server = anUpstream((_, response) => response.writeHead(403, { 'x-why': 'no' }).end('no'));
  const websockets = new WebSocketServer({
    server,
    path: '/v1/agent',
    maxPayload: 256 * 1024 * 1024,
    handleProtocols: (offered) => [...offered][0] ?? false,
  });
  websockets.on('connection', connected);
  sockets.push(websockets);
  servers.push(server);
  stand = await aRouter({ '1': await listen(server) });
  return server;
}

const open = (path = '/v1/agent', headers = to('1')) =>
  new WebSocket(`${stand?.url.replace('http', 'ws')}${path}`, ['harrier'], {
    headers,
    maxPayload: 256 * 1024 * 1024,
  });

const refusalOf = (socket: WebSocket) =>
  new Promise<{ status: number | undefined; headers: object; text: string }>((resolve) => {
    socket.on('error', () => {});
    socket.on('unexpected-response', async (_, answer) => {
      let text = '';
      for await (const chunk of answer) text += chunk;
      resolve({ status: answer.statusCode, headers: answer.headers, text });
    });
  });

describe('a WebSocket through the router', () => {
  test('carries messages of any size both ways, and the code of its end', async () => {
    await standBefore((socket) => {
      socket.on('message', (data, binary) => socket.send(data, { binary }));
      socket.on('close', (code) => ended.push(code));
    });
    const ended: number[] = [];
    const client = open();
    await once(client, 'open');
    expect(client.protocol).toBe('harrier');
    for (const size of [0, 1, 70_000, 32 * 1024 * 1024]) {
      const sent = Buffer.alloc(size, 7);
      client.send(sent);
      const [data] = (await once(client, 'message')) as [Buffer];
      expect(data.equals(sent)).toBe(true);
    }
    client.ping('alive?');
    const [pong] = (await once(client, 'pong')) as [Buffer];
    expect(String(pong)).toBe('alive?');
    expect(await stand?.metrics.registry.metrics()).toContain('harrier_router_websockets 1\n');
    client.close(4001, 'done');
    await eventually(() => ended[0] === 4001);
    await eventually(async () =>
      (await stand?.metrics.registry.metrics())?.includes('harrier_router_websockets 0\n'),
    );
  });

  test('stays though nothing moves on it for longer than other connections may', async () => {
    await standBefore((socket) => socket.on('message', (data) => socket.send(data)));
    // Long enough for the handshake, which this holds for too.
    stand?.router.server.setTimeout(2_000);
    const client = open();
    await once(client, 'open');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    client.send('still here');
    expect(String((await once(client, 'message'))[0])).toBe('still here');
  });

  test('ends at the one side when it breaks at the other', async () => {
    let upstream: WebSocket | undefined;
    await standBefore((socket) => {
      upstream = socket;
    });
    const first = open();
    await once(first, 'open');
    const [closed] = [once(first, 'close')];
    upstream?.terminate();
    await closed;
    const second = open();
    await once(second, 'open');
    const gone = once(upstream as WebSocket, 'close');
    second.terminate();
    await gone;
  });

  test('that the api refuses is refused with its answer', async () => {
    await standBefore(() => {});
    const server = servers[0];
    server?.removeAllListeners('upgrade');
    const refusal = await refusalOf(open());
    expect(refusal).toMatchObject({ status: 403, headers: { 'x-why': 'no' }, text: 'no' });
  });

  test.each([
    ['an unknown cell', () => to('2'), 404],
    ['no bearer', () => ({}) as ReturnType<typeof to>, 401],
  ])('of %s is refused with a problem', async (_, headers, status) => {
    await standBefore(() => {});
    const refusal = await refusalOf(open('/v1/agent', headers()));
    expect(refusal.status).toBe(status);
    expect(refusal.headers).toMatchObject({
      'content-type': 'application/problem+json',
      connection: 'close',
    });
  });

  test('of a dead cell is refused with 502', async () => {
    stand = await aRouter({ '1': 'http://127.0.0.1:9' });
    const refusal = await refusalOf(open());
    expect(refusal).toMatchObject({ status: 502, headers: { 'retry-after': '1' } });
  });

  test('ends when the router does', async () => {
    await standBefore(() => {});
    const client = open();
    await once(client, 'open');
    const closed = once(client, 'close');
    const told = performance.now();
    await stand?.router.close(60_000);
    await closed;
    expect(performance.now() - told).toBeLessThan(10_000);
  });
});
