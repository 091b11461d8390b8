import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { createGuardedGet } from '../../src/credentials/guarded_get.ts';
import { isInternalAddress } from '../../src/egress/addresses.ts';
import { allowedHosts } from '../../src/egress/allowed_hosts.ts';
import type { Resolve } from '../../src/egress/judge_url.ts';

let server: Server;
let port: number;
const asked: string[] = [];
const answers: Record<string, RequestListener> = {
  '/ok': (_request, response) => response.setHeader('x-scopes', 'a').end('{"login":"ada"}'),
  '/redirect': (_request, response) =>
    response.writeHead(302, { location: `http://127.0.0.1:${port}/ok` }).end(),
  '/never': () => {},
  '/slowly': (_request, response) => {
    response.write('{');
    const drip = setInterval(() => response.write(' '), 20);
    response.once('close', () => clearInterval(drip));
  },
  '/huge': (_request, response) => {
    const more = () => {
      while (response.writable && response.write('x'.repeat(16_384)));
    };
    response.on('drain', more);
    more();
  },
  '/headers': (_request, response) => response.setHeader('x-long', 'x'.repeat(20_000)).end(),
  '/cut': (_request, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{');
    setTimeout(() => response.destroy(), 20);
  },
};

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.headers.host}${request.url}`);
    (answers[request.url ?? ''] ?? ((_request, other) => other.writeHead(404).end()))(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const to =
  (address: string): Resolve =>
  async () => [address];

describe('what may be asked', () => {
  const get = createGuardedGet({ allowed: allowedHosts([]) });

  test.each([
    'https://127.0.0.1:PORT/ok',
    'https://localhost:PORT/ok',
    'https://2130706433:PORT/ok',
    'https://0x7f.1:PORT/ok',
    'https://0177.0.0.1:PORT/ok',
    'https://127.1:PORT/ok',
    'https://0:PORT/ok',
    'https://[::1]:PORT/ok',
    'https://[::]:PORT/ok',
    'https://[::ffff:127.0.0.1]:PORT/ok',
    'https://[::ffff:7f00:1]:PORT/ok',
    'https://[64:ff9b::7f00:1]:PORT/ok',
    'https://[fe80::1]:PORT/ok',
    'https://[fd00:ec2::254]/latest/meta-data',
    'https://169.254.169.254/latest/meta-data',
    'https://10.96.0.1/',
    'https://192.168.1.1/',
    'https://172.16.0.1/',
  ])('%s is not asked', async (url) => {
    const before = asked.length;
    await expect(get(url.replace('PORT', String(port)), {})).rejects.toThrow('inside the cluster');
    expect(asked.length).toBe(before);
  });

  it('plain HTTP is for allowed hosts only', async () => {
    await expect(get('http://forge.example.com/user', {})).rejects.toThrow('must be https');
  });

  it('a name is judged by every address that it has', async () => {
    const resolve: Resolve = async () => ['93.184.216.34', '10.0.0.7'];
    const guarded = createGuardedGet({ allowed: allowedHosts([]), resolve });
    await expect(guarded('https://forge.example.com/', {})).rejects.toThrow('inside the cluster');
  });

  it('a name is resolved once: one that answers otherwise the second time gains nothing', async () => {
    let times = 0;
    const resolve: Resolve = async () => [times++ === 0 ? '127.0.0.1' : '169.254.169.254'];
    const allowed = allowedHosts([`forge.example.com:${port}`]);
    const guarded = createGuardedGet({ allowed, resolve });
    const answer = await guarded(`http://forge.example.com:${port}/ok`, {});
    expect([answer.status, times]).toEqual([200, 1]);
    expect(asked.at(-1)).toBe(`forge.example.com:${port}/ok`);
  });

  it('an allowed host is asked wherever it is, and only on the port that was named', async () => {
    const resolve = to('127.0.0.1');
    const named = createGuardedGet({ allowed: allowedHosts(['Forge.internal']), resolve });
    expect((await named(`http://forge.internal.:${port}/ok`, {})).status).toBe(200);
    const other = createGuardedGet({ allowed: allowedHosts(['forge.internal:9']), resolve });
    await expect(other(`https://forge.internal:${port}/ok`, {})).rejects.toThrow('inside the cluster');
    const part = createGuardedGet({ allowed: allowedHosts(['internal', 'ge.internal']), resolve });
    await expect(part(`https://forge.internal:${port}/ok`, {})).rejects.toThrow('inside the cluster');
  });

  it('an allow list with anything but hosts is refused', () => {
    for (const bad of ['*', '*.example.com', 'http://a', 'a/b', 'a:b', ''])
      expect(() => allowedHosts([bad]), bad).toThrow('not a host');
  });
});

describe('what comes back', () => {
  const resolve = to('127.0.0.1');
  const allowed = allowedHosts(['forge.test']);
  const patient = createGuardedGet({ allowed, resolve, timeoutMs: 15_000, mostBytes: 1000 });
  /** For what never comes; anything else might take so long on a machine that stands still. */
  const hasty = createGuardedGet({ allowed, resolve, timeoutMs: 300, mostBytes: 1000 });
  const at = (path: string, get = patient) =>
    get(`http://forge.test:${port}${path}`, { authorization: 'Bearer canary' });

  it('is status, headers and body', async () => {
    const answer = await at('/ok');
    expect(answer).toMatchObject({ status: 200, headers: { 'x-scopes': 'a' }, body: '{"login":"ada"}' });
  });

  it('may be a redirect, which is not followed', async () => {
    const before = asked.length;
    expect((await at('/redirect')).status).toBe(302);
    expect(asked.length).toBe(before + 1);
  });

  test.each([
    ['/never', 'gave no whole answer within 0.3 s', hasty],
    ['/slowly', 'gave no whole answer within 0.3 s', hasty],
    ['/huge', 'answers more than 1000 bytes', patient],
    ['/headers', 'cannot be asked', patient],
    ['/cut', 'cannot be asked', patient],
  ])('of %s is: %s', async (path, problem, get) => {
    const error = await at(path, get).catch((caught) => caught);
    expect(error.name).toBe('Unreachable');
    expect(error.message).toContain(problem);
    expect(error.message).not.toContain('canary');
  });

  it('is nothing where nobody listens, or no name is known', async () => {
    const closed = createGuardedGet({ allowed, resolve: to('127.0.0.1') });
    await expect(closed('http://forge.test:1/', {})).rejects.toThrow('ECONNREFUSED');
    const none: Resolve = async () => [];
    await expect(createGuardedGet({ allowed, resolve: none })('http://forge.test/', {})).rejects.toThrow(
      'has no address',
    );
  });

  it('a resolver that never answers is waited for no longer than anything else', async () => {
    const stuck = createGuardedGet({ allowed, resolve: () => new Promise(() => {}), timeoutMs: 100 });
    await expect(stuck('http://forge.test/', {})).rejects.toThrow('within 0.1 s');
  });
});

describe('addresses', () => {
  test.each([
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.255.255.255', '169.254.169.254', '172.31.255.255'],
    ...[
      '192.168.0.1',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      'fe80::1',
      'fc00::1',
      'fd12::1',
      'ff02::1',
    ],
    ...['::ffff:8.8.8.8', '64:ff9b::808:808', '2002:7f00:1::', '2001:db8::1', '2001::1', 'x', '', '1.2.3'],
  ])('%s is internal', (address) => {
    expect(isInternalAddress(address)).toBe(true);
  });

  test.each([
    '8.8.8.8',
    '93.184.216.34',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '2a00:1450:4001::1',
  ])('%s is not', (address) => {
    expect(isInternalAddress(address)).toBe(false);
  });

  it('no IPv4 address in a mapped form is ever outside', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(isInternalAddress(`::ffff:${address}`)).toBe(true);
      }),
    );
  });
});
