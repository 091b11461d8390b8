import { execFileSync } from 'node:child_process';
import { constants, mkdir, mkdtemp, open, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { followFile } from '../../src/files/follow_file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-follow-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** As kubelet mounts a Secret: `name` → `..data/name`, and `..data` is a link that is swapped. */
async function mounted(version: number, text: string): Promise<string> {
  const data = join(folder, `..version-${version}`);
  await mkdir(data);
  await writeFile(join(data, 'list.json'), text);
  await symlink(data, join(folder, '..data_new'));
  await rename(join(folder, '..data_new'), join(folder, '..data'));
  const path = join(folder, 'list.json');
  await symlink(join('..data', 'list.json'), path).catch(() => undefined);
  return path;
}

test('follows a mounted file through changes, nonsense and disappearance, and logs nothing of its content', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => lines.push(line) });
  const heard: unknown[] = [];
  const path = await mounted(1, '["a"]');
  const file = await followFile<string[]>({
    path,
    parse: (text) => JSON.parse(text),
    log,
    everyMs: 5,
    onChange: (content) => heard.push(content),
  });
  expect(file.current).toEqual(['a']);
  await mounted(2, '["a","b"]');
  await expect.poll(() => file.current).toEqual(['a', 'b']);
  await mounted(3, '["top-secret"');
  await expect.poll(() => file.current).toBeUndefined();
  await mounted(4, '["c"]');
  await expect.poll(() => file.current).toEqual(['c']);
  await rm(path);
  await expect.poll(() => file.current).toBeUndefined();
  expect(heard).toEqual([['a'], ['a', 'b'], undefined, ['c'], undefined]);
  expect(lines.join('')).not.toContain('top-secret');
  file.stop();
  await mounted(5, '["d"]');
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(file.current).toBeUndefined();
});

test('a read that takes its time never brings back what was there before', async () => {
  const heard: unknown[] = [];
  const path = join(folder, 'list.json');
  await writeFile(path, 'first');
  const file = await followFile<string>({
    path,
    parse: (text) => text,
    log: pino({ level: 'silent' }),
    everyMs: 5,
    onChange: (content) => heard.push(content),
  });
  const slow = join(folder, 'slow');
  execFileSync('mkfifo', [slow]);
  // Whoever reads it waits for a writer and what he writes; a writer that does not wait finds none until it is read.
  await rename(slow, path);
  const writer = await vi.waitFor(() => open(path, constants.O_WRONLY | constants.O_NONBLOCK), {
    timeout: 15_000,
  });
  await rename(path, join(folder, 'fifo'));
  await writeFile(path, 'newest');
  await new Promise((resolve) => setTimeout(resolve, 50));
  await writer.write('slow');
  await writer.close();
  await expect.poll(() => file.current).toBe('newest');
  expect(heard).toEqual(['first', 'slow', 'newest']);
  file.stop();
});

test('a file that is not there yet counts from when it comes', async () => {
  const file = await followFile<string>({
    path: join(folder, 'list.json'),
    parse: (text) => text,
    log: pino({ level: 'silent' }),
    everyMs: 5,
  });
  expect(file.current).toBeUndefined();
  await mounted(1, 'here');
  await expect.poll(() => file.current).toBe('here');
  file.stop();
});
