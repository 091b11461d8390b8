import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ChecksumMismatch,
  download,
  isReachable,
  publishedChecksum,
} from '../../../hack/binaries/download.ts';

const PROGRAM = '#!/bin/sh\necho it runs\n';
const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');

let folder: string;
let server: Server;
let base: string;
let published: Record<string, string | Buffer>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'harrier-download-'));
  published = {};
  server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path.startsWith('/moved/'))
      return response.writeHead(302, { location: path.slice('/moved'.length) }).end();
    const found = published[path];
    return found === undefined ? response.writeHead(404).end() : response.end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

const fetched = (path: string, member?: string) =>
  download(
    { url: `${base}${path}`, checksumUrl: `${base}${path}.sha256`, ...(member !== undefined && { member }) },
    join(folder, 'program'),
    () => {},
  );

describe('a release', () => {
  test('that is as published becomes a program', async () => {
    published = { '/p': PROGRAM, '/p.sha256': sha256(PROGRAM) };
    await fetched('/p');
    expect(execFileSync(join(folder, 'program'), { encoding: 'utf8' })).toBe('it runs\n');
    expect(readdirSync(folder)).toEqual(['program']);
  });

  test('may be an archive, behind a redirect', async () => {
    mkdirSync(join(folder, 'made/inner'), { recursive: true });
    writeFileSync(join(folder, 'made/inner/p'), PROGRAM);
    execFileSync('tar', ['-czf', join(folder, 'made.tgz'), '-C', join(folder, 'made'), 'inner/p']);
    const archive = readFileSync(join(folder, 'made.tgz'));
    published = { '/p.tgz': archive, '/p.tgz.sha256': `${sha256(archive)}  p.tgz\n` };
    await fetched('/moved/p.tgz', 'inner/p');
    expect(statSync(join(folder, 'program')).mode & 0o111).toBe(0o111);
  });

  test('with other bytes than published leaves nothing', async () => {
    published = { '/p': `${PROGRAM}# and more\n`, '/p.sha256': sha256(PROGRAM) };
    await expect(fetched('/p')).rejects.toThrow(ChecksumMismatch);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('that is missing is an error with its URL', async () => {
    published = { '/p.sha256': sha256(PROGRAM) };
    await expect(fetched('/p')).rejects.toThrow(`GET ${base}/p answered 404`);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is reachable when its checksum is', async () => {
    published = { '/p.sha256': sha256(PROGRAM) };
    expect(await isReachable({ url: `${base}/p`, checksumUrl: `${base}/p.sha256` })).toBe(true);
    expect(await isReachable({ url: `${base}/q`, checksumUrl: `${base}/q.sha256` })).toBe(false);
  });
});

describe('a published checksum', () => {
  const one = 'a'.repeat(64);
  const two = 'b'.repeat(64);

  test.each([
    ['alone', `${one}\n`, one],
    ['beside the name', `${one}  p.tgz`, one],
    ['in binary mode', `${one} *p.tgz`, one],
    ['among others', `${two}  q.tgz\n${one}  p.tgz\n`, one],
    ['with a path', `${one}  ./out/p.tgz`, one],
    ['in capitals', one.toUpperCase(), one],
  ])('is read %s', (_, text, wanted) => {
    expect(publishedChecksum(text, 'p.tgz')).toBe(wanted);
  });

  test.each([
    ['nothing', ''],
    ['an error page', '<html>not found</html>'],
    ['only others', `${two}  q.tgz\n${one}  r.tgz`],
    ["one other's", `${two}  q.tgz`],
    ['a shorter hash', 'a'.repeat(40)],
  ])('is refused: %s', (_, text) => {
    expect(() => publishedChecksum(text, 'p.tgz')).toThrow(ChecksumMismatch);
  });
});
