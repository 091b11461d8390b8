import { once } from 'node:events';
import { request, type Server } from 'node:http';
import { BlockList, connect, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { problemDetails } from '../../src/protocol/problem.ts';
import { jwtSaying } from './bearers.ts';
import { anUpstream, aRouter, eventually, listen, type Stand, shut, to } from './stand.ts';

let stand: Stand | undefined;
const servers: Server[] = [];
afterEach(async () => {
  await stand?.[Symbol.asyncDispose]();
  stand = undefined;
  await Promise.all(servers.splice(0).map(shut));
});

/** An upstream that says who it is and what it was asked. */
async function echo(name: string): Promise<string> {
  const server = anUpstream((incoming, response) => {
    const { method, url, headers } = incoming;
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk) => chunks.push(chunk));
    incoming.on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.setHeader('set-cookie', ['a=1', 'b=2']);
      response.end(JSON.stringify({ name, method, url, headers, body: Buffer.concat(chunks).toString() }));
    });
  });
  servers.push(server);
  return await listen(server);
}

async function metric(line: string): Promise<boolean> {
  return (await stand?.metrics.registry.metrics())?.includes(`${line}\n`) ?? false;
}

describe('a request for a cell', () => {
  test('arrives there as it was sent, and so does the answer', async () => {
    stand = await aRouter({ '1': await echo('one'), 'eu-west': await echo('west') });
    for (const [cell, name] of [
      ['1', 'one'],
      ['eu-west', 'west'],
    ] as const) {
      // What a URL parser would tidy up stays as it is: the path may be signed.
      const path = '/v1/a/%2e%2e/b//c?x=%2F&y';
      const answer = await raw({
        path,
        method: 'POST',
        headers: { ...to(cell), 'x-own': 'ä' },
        body: 'hello',
      });
      expect(answer.status).toBe(200);
      expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
      expect(JSON.parse(answer.body)).toMatchObject({ name, method: 'POST', url: path, body: 'hello' });
    }
    expect(await metric('harrier_router_requests_total{cell="eu-west",status="200"} 1')).toBe(true);
  });

  test.each(['GET', 'HEAD', 'DELETE', 'PUT', 'PATCH', 'OPTIONS', 'POST'])('of method %s', async (method) => {
    stand = await aRouter({ '1': await echo('one') });
    const answer = await raw({ path: '/', method, headers: to('1') });
    expect(answer.status).toBe(200);
    if (method === 'HEAD') expect(answer.body).toBe('');
    else expect(JSON.parse(answer.body)).toMatchObject({ method });
  });

  test('bears the one Authorization by which it was routed', async () => {
    stand = await aRouter({ '1': await echo('one'), '2': await echo('two') });
    const [first, second] = [to('1').authorization, to('2').authorization];
    const text = await spoken(
      `GET / HTTP/1.1\r\nhost: h\r\nauthorization: ${first}\r\nauthorization: ${second}\r\nconnection: close\r\n\r\n`,
    );
    expect(text).toContain('"name":"one"');
    expect(text).toContain(first);
    expect(text).not.toContain(second);
  });

  test('says who asks, and whom a trusted proxy asks for', async () => {
    const sent = { ...to('1'), 'x-forwarded-for': '198.51.100.1' };
    const url = await echo('one');
    stand = await aRouter({ '1': url });
    const read = async () => JSON.parse((await raw({ path: '/', headers: sent })).body).headers;
    expect(await read()).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' });
    await stand[Symbol.asyncDispose]();
    const trusted = new BlockList();
    trusted.addSubnet('127.0.0.0', 8, 'ipv4');
    stand = await aRouter({ '1': url }, trusted);
    expect(await read()).toMatchObject({ 'x-forwarded-for': '198.51.100.1, 127.0.0.1' });
  });

  test('keeps its connections to the cell', async () => {
    const url = await echo('one');
    const [server] = servers;
    let opened = 0;
    server?.on('connection', () => opened++);
    stand = await aRouter({ '1': url });
    for (let i = 0; i < 20; i++) await raw({ path: '/', headers: to('1') });
    expect(opened).toBe(1);
  });

  test('with another protocol on offer gets an answer in this one', async () => {
    stand = await aRouter({ '1': await echo('one') });
    const headers = {
      ...to('1'),
      connection: 'upgrade, http2-settings',
      upgrade: 'h2c',
      'http2-settings': 'x',
    };
    const answer = await raw({ path: '/', headers });
    expect(JSON.parse(answer.body).headers).not.toHaveProperty('upgrade');
  });

  test('is logged without its path and its bearer', async () => {
    stand = await aRouter({ '1': await echo('one') });
    const { authorization } = to('1');
    await raw({ path: '/v1/blobs/entries/e?sig=signature&cell=1', headers: { authorization } });
    await raw({ path: '/v1/runner', headers: { authorization } });
    expect(stand.logged()).toContain('"status":200');
    expect(stand.logged()).not.toMatch(/signature|entries|v1/);
    expect(stand.logged()).not.toContain(authorization.slice(8, 30));
  });
});

describe('a request that goes to no cell', () => {
  test.each([
    ['an unknown cell', { authorization: `Bearer ${jwtSaying({ cell: '2' })}` }, 404, 'cell-unknown'],
    ['no bearer', {}, 401, 'unauthorized'],
    ['a malformed one', { authorization: 'Bearer a.b.c.d' }, 400, 'bad-request'],
  ])('%s is answered with a problem', async (_, headers, status, code) => {
    stand = await aRouter({ '1': 'http://127.0.0.1:9' });
    const answer = await raw({ path: '/v1/runner', headers });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(problemDetails.parse(JSON.parse(answer.body)).code).toBe(code);
    expect(answer.headers['www-authenticate']).toBe(status === 401 ? 'Bearer realm="harrier"' : undefined);
    expect(await metric(`harrier_router_refusals_total{code="${code}"} 1`)).toBe(true);
  });

  test('before there is a table: 503, and the router is not ready', async () => {
    stand = await aRouter({});
    const answer = await raw({ path: '/v1/runner', headers: to('1') });
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect((await raw({ path: '/readyz' })).status).toBe(503);
    expect((await raw({ path: '/healthz' })).status).toBe(200);
    stand.cells.use({ cells: { '1': { url: await echo('one') } } });
    expect((await raw({ path: '/v1/runner', headers: to('1') })).status).toBe(200);
    expect((await raw({ path: '/readyz' })).status).toBe(200);
  });

  test.each([
    ['what is no HTTP', 'nonsense\r\n\r\n'],
    // Whatever could be read in two ways would be, by the router in the one and by the api in the other.
    ['two lengths', 'POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcd'],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n',
    ],
    ['a header of two lines', 'GET / HTTP/1.1\r\nhost: h\r\nx-a: b\r\n c\r\n\r\n'],
    ['an encoding that nobody knows', 'POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked, x\r\n\r\n'],
  ])('%s is answered with a problem, before any cell', async (_, text) => {
    let asked = false;
    const server = anUpstream(() => {
      asked = true;
    });
    servers.push(server);
    stand = await aRouter({ '1': await listen(server) });
    const line = text.indexOf('\r\n') + 2;
    const { authorization } = to('1');
    const sent = `${text.slice(0, line)}authorization: ${authorization}\r\n${text.slice(line)}`;
    expect(await spoken(sent)).toMatch(/^HTTP\/1.1 400 .*"code":"bad-request"/s);
    expect(asked).toBe(false);
  });
});

describe('a cell that is dead', () => {
  test('gives 502 with Retry-After, is ejected, and is back with its first good check', {
    timeout: 60_000,
  }, async () => {
    const server = anUpstream((_, response) => response.end('here'));
    const url = await listen(server);
    const other = await echo('two');
    // For the ejection the clock stands still: its second may be over here before the fourth request is.
    stand = await aRouter({ '1': url, '2': other }, new BlockList(), () => 0);
    expect((await raw({ path: '/', headers: to('1') })).body).toBe('here');
    await shut(server);
    for (let i = 0; i < 4; i++) {
      const answer = await raw({ path: '/', headers: to('1') });
      expect(answer.status).toBe(502);
      expect(JSON.parse(answer.body).code).toBe('cell-unavailable');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect((await raw({ path: '/', headers: to('2') })).status).toBe(200);
    }
    expect(await metric('harrier_router_cell_ejected{cell="1"} 1')).toBe(true);
    expect(await metric('harrier_router_cell_ejected{cell="2"} 0')).toBe(true);
    expect(await metric('harrier_router_cell_failures_total{cell="1",at="connect"} 3')).toBe(true);
    const again = anUpstream((_, response) => response.end('again'));
    servers.push(again);
    again.listen(Number(new URL(url).port), '127.0.0.1');
    await once(again, 'listening');
    // No request is sent meanwhile: it is the check that finds out.
    await eventually(() => stand?.logged().includes('the cell is back'), 45_000);
    expect(await metric('harrier_router_cell_ejected{cell="1"} 0')).toBe(true);
    expect((await raw({ path: '/', headers: to('1') })).body).toBe('again');
  });

  test('is found dead by checks alone when it says that it is not ready', { timeout: 60_000 }, async () => {
    const server = anUpstream((_, response) => response.end(), false);
    servers.push(server);
    const url = await listen(server);
    stand = await aRouter({ '1': url });
    await eventually(() => metric('harrier_router_cell_ejected{cell="1"} 1'), 45_000);
  });

  test('that breaks off before it answers gives 502, and is not ejected for what a client may have brought about', async () => {
    const server = createTcpServer((socket) => socket.once('data', () => socket.destroy()));
    const url = await listen(server as Server);
    stand = await aRouter({ '1': url });
    for (let i = 0; i < 5; i++) expect((await raw({ path: '/', headers: to('1') })).status).toBe(502);
    expect(stand.cells.get('1')?.health.failures).toBe(0);
    expect(await metric('harrier_router_cell_failures_total{cell="1",at="answer"} 5')).toBe(true);
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('a new table', () => {
  test('keeps the connections of a cell that stays, and lets those of one that goes end', async () => {
    const answers: (() => void)[] = [];
    const slow = anUpstream((_, response) => answers.push(() => response.end('late')));
    servers.push(slow);
    stand = await aRouter({ '1': await echo('one'), '2': await listen(slow) });
    const [stays, goes] = [stand.cells.get('1'), stand.cells.get('2')];
    const late = raw({ path: '/', headers: to('2') });
    await eventually(() => answers.length === 1);
    stand.cells.use({ cells: { '1': { url: stays?.url ?? '' }, '3': { url: goes?.url ?? '' } } });
    expect(stand.cells.get('1')).toBe(stays);
    expect((await raw({ path: '/', headers: to('2') })).status).toBe(404);
    answers[0]?.();
    expect((await late).body).toBe('late');
    await eventually(() => goes?.pool.destroyed);
  });
});

describe('a router that is told to end', () => {
  test('answers what is under way, closes the connection, and takes no more', async () => {
    let answer: (() => void) | undefined;
    const slow = anUpstream((_, response) => {
      answer = () => response.end('late');
    });
    servers.push(slow);
    stand = await aRouter({ '1': await listen(slow) });
    const late = raw({ path: '/', headers: to('1') });
    await eventually(() => answer);
    const closed = stand.router.close(5000);
    answer?.();
    expect(await late).toMatchObject({ body: 'late', headers: { connection: 'close' } });
    await closed;
    await expect(raw({ path: '/', headers: to('1') })).rejects.toThrow('ECONNREFUSED');
  });

  test('waits no longer than it may', async () => {
    let asked = false;
    const mute = anUpstream(() => {
      asked = true;
    });
    servers.push(mute);
    stand = await aRouter({ '1': await listen(mute) });
    const cut = raw({ path: '/', headers: to('1') });
    cut.catch(() => {});
    await eventually(() => asked);
    const told = performance.now();
    await stand.router.close(200);
    // Nothing else would end it before the minute of an idle connection.
    expect(performance.now() - told).toBeLessThan(10_000);
    await expect(cut).rejects.toThrow();
  });
});

interface Raw {
  path: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** One request, its path untouched. */
function raw({ path, method = 'GET', headers = {}, body }: Raw) {
  type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: string };
  return new Promise<Answer>((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: stand?.port, path, method, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.once('error', reject);
      answer.once('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
      );
    });
    outgoing.once('error', reject).end(body);
  });
}

/** What a connection answers to these bytes until it ends. */
async function spoken(text: string): Promise<string> {
  const socket = connect(stand?.port ?? 0, '127.0.0.1');
  socket.write(text);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer;
}
