import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import type { Note } from '../progress.ts';
import { run } from '../run/command.ts';
import type { Release } from './programs.ts';

const dispatcher = new EnvHttpProxyAgent({ connect: { timeout: 3000 } });

/** The downloaded bytes are not those that the project published. */
export class ChecksumMismatch extends Error {
  readonly code = 'CHECKSUM_MISMATCH';
}

/** True when the checksum of the release can be had within three seconds. */
export async function isReachable(release: Release): Promise<boolean> {
  try {
    await text(release.checksumUrl, AbortSignal.timeout(3000));
    return true;
  } catch {
    return false;
  }
}

/** Downloads the release, compares its SHA-256 with the published one, and leaves the program in the file. */
export async function download(release: Release, file: string, note: Note): Promise<void> {
  const folder = await mkdtemp(join(dirname(file), 'download-'));
  try {
    const asset = basename(new URL(release.url).pathname);
    const wanted = publishedChecksum(await text(release.checksumUrl, AbortSignal.timeout(30_000)), asset);
    const archive = join(folder, asset);
    await save(release.url, archive, (bytes) => note(`downloading ${asset}: ${(bytes / 1e6).toFixed(0)} MB`));
    const got = await sha256(archive);
    if (got !== wanted) {
      throw new ChecksumMismatch(
        `${release.url} has SHA-256 ${got}, but ${release.checksumUrl} says ${wanted}`,
      );
    }
    if (release.member !== undefined) await run('tar', ['-xzf', archive, '-C', folder, release.member]);
    const program = join(folder, release.member ?? asset);
    await chmod(program, 0o755);
    await rename(program, file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Reads either a bare SHA-256 or the line of `sha256sum` output that names the file. */
export function publishedChecksum(published: string, asset: string): string {
  const lines = published
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const named = lines.find((words) => words[1]?.replace(/^\*/, '').split('/').at(-1) === asset);
  const bare = lines.length === 1 && lines[0]?.length === 1 ? lines[0] : undefined;
  const checksum = (named ?? bare)?.[0]?.toLowerCase();
  if (checksum === undefined || !/^[0-9a-f]{64}$/.test(checksum)) {
    throw new ChecksumMismatch(`no SHA-256 is published for ${asset}`);
  }
  return checksum;
}

async function save(url: string, file: string, progress: (bytes: number) => void): Promise<void> {
  const body = await get(url, AbortSignal.timeout(600_000));
  let bytes = 0;
  body.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    progress(bytes);
  });
  await pipeline(body, createWriteStream(file));
}

async function text(url: string, signal: AbortSignal): Promise<string> {
  return (await get(url, signal)).text();
}

/** GET that follows redirects: releases on GitHub are on another host than their page. */
async function get(
  url: string,
  signal: AbortSignal,
  redirects = 5,
): Promise<Dispatcher.ResponseData['body']> {
  const response = await request(url, { dispatcher, signal });
  const { location } = response.headers;
  if (
    response.statusCode >= 300 &&
    response.statusCode < 400 &&
    typeof location === 'string' &&
    redirects > 0
  ) {
    await response.body.dump();
    return get(new URL(location, url).href, signal, redirects - 1);
  }
  if (response.statusCode !== 200) {
    await response.body.dump();
    throw new Error(`GET ${url} answered ${response.statusCode}`);
  }
  return response.body;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
