import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CellsFile } from '../../src/router/cells_file.ts';
import { followCells } from '../../src/router/follow_cells.ts';
import { eventually } from './stand.ts';

let folder: string;
let path: string;
let version = 0;
const used: CellsFile[] = [];
const lines: string[] = [];
let refused = 0;
let following: { stop(): void } | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-cells-'));
  path = join(folder, 'cells.json');
  used.length = lines.length = refused = 0;
});
afterEach(async () => {
  following?.stop();
  await rm(folder, { recursive: true });
});

/** Writes the volume's new version as the kubelet does: a new folder, then a renamed `..data` symlink. */
async function project(text: string): Promise<void> {
  const name = `..version_${version++}`;
  await mkdir(join(folder, name));
  await writeFile(join(folder, name, 'cells.json'), text);
  await symlink(name, join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  await symlink('..data/cells.json', path).catch(() => undefined);
}

async function follow(): Promise<void> {
  following = await followCells({
    path,
    log: pino({}, { write: (line) => lines.push(line) }),
    everyMs: 20,
    onCells: (file) => used.push(file),
    onRefused: () => refused++,
  });
}

const fileOf = (name: string): CellsFile => ({ cells: { [name]: { url: 'http://a' } } });

test('is in use before anything is asked, and again with each version of the mounted ConfigMap', async () => {
  await project(JSON.stringify(fileOf('1')));
  await follow();
  expect(used).toEqual([fileOf('1')]);
  await project(JSON.stringify(fileOf('2')));
  await eventually(() => used.length === 2);
  expect(used[1]).toEqual(fileOf('2'));
  expect(refused).toBe(0);
});

test('a version that cannot be used is told once, with the path of its fault, and the next one is taken', async () => {
  await project(JSON.stringify(fileOf('1')));
  await follow();
  await project('{"cells":{"1":{"url":"http://a/path"}}}');
  await eventually(() => refused === 1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(refused).toBe(1);
  expect(used).toHaveLength(1);
  expect(lines.filter((line) => line.includes('cells.1.url: must be'))).toHaveLength(1);
  await project(JSON.stringify(fileOf('2')));
  await eventually(() => used.length === 2);
});

test('a file that is not there yet, or no longer, is told, and taken when it comes', async () => {
  await follow();
  expect([used.length, refused]).toEqual([0, 1]);
  await project(JSON.stringify(fileOf('1')));
  await eventually(() => used.length === 1);
  await rm(path);
  await eventually(() => refused === 2);
});
