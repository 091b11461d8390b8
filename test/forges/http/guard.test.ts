import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createProxy } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openAuthority } from '../../../hack/cluster/pki.ts';
import { ask, clientFor, failure, type Listening, listen } from './ask.ts';

const RUNNERS = '{"runners": []}';
let folder: string;
let tls: { key: string; cert: string };
let authority: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'forge-tls-'));
  const made = await openAuthority(folder, 'ca');
  const files = await made.issue({
    file: 'forge',
    commonName: 'forge',
    hosts: ['forge.example', '127.0.0.1'],
  });
  tls = { key: await readFile(files.keyFile, 'utf8'), cert: await readFile(files.certFile, 'utf8') };
  authority = await readFile(made.caFile, 'utf8');
});
afterAll(() => rm(folder, { recursive: true }));

describe('where a connection goes', () => {
  let forge: Listening;
  beforeEach(async () => {
    forge = await listen((_request, response) => response.end(RUNNERS));
  });
  afterEach(() => forge.close());

  test('to the address that was judged: the name is resolved once', async () => {
    let resolved = 0;
    // Whoever asked a second time would get nowhere.
    const resolve = async () => (resolved++ === 0 ? ['127.0.0.1'] : ['127.0.0.2']);
    const http = clientFor(`http://forge.example:${forge.port}`, { hosts: ['forge.example'], resolve });
    await ask(http);
    await ask(http);
    await http.close();
    expect(forge.asked).toHaveLength(2);
    expect(resolved).toBe(1);
  });

  test('nowhere once the name leads inside, however good the connection that is kept', async () => {
    const over = await listen((_request, response) => response.end(RUNNERS), tls);
    const open = () =>
      new Promise((resolve) => over.server.getConnections((_error, count) => resolve(count)));
    let [trusted, nowMs] = [true, 0];
    const http = clientFor(`https://forge.example:${over.port}`, {
      allowed: { has: () => trusted, onlyThese: false },
      secret: { 'ca.crt': authority },
      now: () => nowMs,
      resolve: async () => [trusted ? '127.0.0.1' : '169.254.169.254'],
    });
    await ask(http);
    expect(await open()).toBe(1);
    [trusted, nowMs] = [false, 31_000];
    expect((await failure(ask(http))).reason).toBe('HostNotAllowed');
    await expect.poll(open).toBe(0);
    expect(over.asked).toHaveLength(1);
    await over.close();
  });

  test.each([
    ['http://forge.example', ['*'], 'must be https'],
    ['http://169.254.169.254/latest', ['*'], 'must be https'],
    ['https://169.254.169.254', ['*'], 'leads to an address inside'],
    ['https://[::ffff:127.0.0.1]', ['*'], 'leads to an address inside'],
    ['https://[::ffff:7f00:1]:6443', ['*'], 'leads to an address inside'],
    ['https://kubernetes.default.svc', ['*'], 'leads to an address inside'],
    [
      'https://forge.example',
      ['gitea.example'],
      'leads to forge.example, which forges.allowedHosts does not name',
    ],
  ])('not to %s where %j are allowed', async (url, hosts, said) => {
    const http = clientFor(url, { hosts, resolve: async () => ['10.96.0.1'] });
    const error = await failure(ask(http));
    expect(error.reason).toBe('HostNotAllowed');
    expect(error.forPerson).toBe(true);
    expect(error.message).toContain(`cannot list the runners: spec.forge.url ${said}`);
  });
});

describe('whom it trusts', () => {
  let forge: Listening;
  beforeEach(async () => {
    forge = await listen((_request, response) => response.end(RUNNERS), tls);
  });
  afterEach(() => forge.close());
  const resolve = async () => ['127.0.0.1'];
  const hosts = ['forge.example', '127.0.0.1'];

  test.each(['forge.example', '127.0.0.1'])('the authority in the Secret, for %s', async (host) => {
    const secret = { 'ca.crt': authority };
    const http = clientFor(`https://${host}:${forge.port}`, { hosts, resolve, secret });
    expect((await ask(http)).value).toEqual({ runners: [] });
    await http.close();
  });

  test('nobody whom neither the system nor the Secret knows', async () => {
    const http = clientFor(`https://forge.example:${forge.port}`, { hosts, resolve });
    const error = await failure(ask(http));
    await http.close();
    expect(error.reason).toBe('Unavailable');
    expect(error.message).toMatch(/certificate is not trusted \(\w+\).*key ca\.crt of the Secret$/);
  });

  test('not a certificate for another name', async () => {
    const secret = { 'ca.crt': authority };
    const http = clientFor(`https://other.example:${forge.port}`, {
      hosts: ['other.example'],
      resolve,
      secret,
    });
    expect((await failure(ask(http))).message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    await http.close();
  });

  test('a Secret with something else for an authority is told at once', () => {
    expect(() => clientFor('https://forge.example', { secret: { 'ca.crt': 'not a certificate' } })).toThrow(
      'key ca.crt of the Secret is no certificate in PEM',
    );
  });
});

describe('by a proxy', () => {
  const asked: { target: string; authorization: string | undefined }[] = [];
  let forge: Listening;
  let refuses = false;
  const proxy = createProxy((request, response) => {
    asked.push({ target: request.url ?? '', authorization: request.headers['proxy-authorization'] });
    response.end(RUNNERS);
  });
  proxy.on('connect', (request, socket) => {
    asked.push({ target: request.url ?? '', authorization: request.headers['proxy-authorization'] });
    if (refuses) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    // It resolves the name itself, as proxies do.
    const there = connect(forge.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      there.pipe(socket).pipe(there);
    });
    there.on('error', () => socket.destroy());
    socket.on('error', () => there.destroy());
  });
  const proxyUrl = () => `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

  beforeAll(async () => {
    forge = await listen((_request, response) => response.end(RUNNERS), tls);
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  });
  beforeEach(() => {
    asked.length = 0;
    refuses = false;
  });
  afterAll(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await forge.close();
  });

  test('a forge over TLS is reached through a tunnel, whose user the Secret has', async () => {
    const http = clientFor('https://forge.example', {
      hosts: ['*', '127.0.0.1'],
      proxy: proxyUrl(),
      secret: { 'ca.crt': authority, proxyUsername: 'ada', proxyPassword: 'count:ess' },
    });
    expect((await ask(http)).status).toBe(200);
    await http.close();
    const authorization = `Basic ${Buffer.from('ada:count:ess').toString('base64')}`;
    expect(asked).toEqual([{ target: 'forge.example:443', authorization }]);
    expect(forge.asked).toEqual(['/runners']);
  });

  test('a proxy that refuses is told as such', async () => {
    refuses = true;
    const http = clientFor('https://forge.example', { proxy: proxyUrl() });
    const error = await failure(ask(http));
    await http.close();
    expect(error.message).toMatch(/the proxy answered 407: check spec\.forge\.proxy, and keys proxyUsername/);
  });

  test('a plain forge is asked by the proxy only where its host is named', async () => {
    const named = clientFor('http://forge.example', {
      hosts: ['127.0.0.1', 'forge.example'],
      proxy: proxyUrl(),
    });
    await ask(named);
    await named.close();
    expect(asked.map(({ target }) => target)).toEqual(['http://forge.example/runners']);
    const http = clientFor('http://forge.example', { proxy: proxyUrl() });
    expect((await failure(ask(http))).message).toContain('must be https');
  });

  test.each(['https://169.254.169.254', 'https://kubernetes.default.svc', 'https://localhost'])(
    'the proxy is not sent to %s',
    async (url) => {
      const error = await failure(ask(clientFor(url, { proxy: proxyUrl() })));
      expect(error.reason).toBe('HostNotAllowed');
      expect(asked).toEqual([]);
    },
  );

  test('a proxy inside the cluster must be named as well', async () => {
    const error = await failure(ask(clientFor('https://forge.example', { hosts: ['*'], proxy: proxyUrl() })));
    expect(error.reason).toBe('HostNotAllowed');
    expect(error.message).toContain('is asked by spec.forge.proxy.url, which must be https');
    expect(asked).toEqual([]);
  });
});
