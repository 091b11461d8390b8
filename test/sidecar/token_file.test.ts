import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTokenFile } from '../../src/sidecar/token_file.ts';

let folder: string;
let file: string;
let version = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-token-'));
  file = join(folder, 'token');
});
afterEach(() => rm(folder, { recursive: true }));

/** Writes a projected volume's new version as the kubelet does: a new folder, then a renamed `..data` symlink. */
async function project(token: string): Promise<void> {
  const name = `..version_${version++}`;
  await mkdir(join(folder, name));
  await writeFile(join(folder, name, 'token'), `${token}\n`);
  await symlink(name, join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  await symlink('..data/token', file).catch(() => undefined);
}

describe('the token file', () => {
  it('is read at the first use and again when the kubelet has swapped it, at most once a second', async () => {
    let now = 0;
    const token = openTokenFile(file, () => now);
    expect(() => token.read()).toThrow();
    await project('first');
    expect(token.read()).toBe('first');
    await project('second');
    now = 999;
    expect(token.read()).toBe('first');
    now = 1000;
    expect(token.read()).toBe('second');
  });

  it('is reread at once on demand, which tells whether it has changed', async () => {
    const token = openTokenFile(file, () => 0);
    await project('first');
    expect(token.read()).toBe('first');
    expect(token.reread()).toBe(false);
    await project('second');
    expect(token.reread()).toBe(true);
    expect(token.read()).toBe('second');
  });

  it('keeps the last token while the file is away, and takes no empty one', async () => {
    let now = 0;
    const token = openTokenFile(file, () => now);
    await project('first');
    expect(token.read()).toBe('first');
    await rm(join(folder, '..data'));
    now = 5000;
    expect(token.read()).toBe('first');
    expect(token.reread()).toBe(false);
    const empty = join(folder, 'empty');
    await writeFile(empty, '\n');
    expect(() => openTokenFile(empty).read()).toThrow('empty');
  });
});
