import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { generatedFiles, staleFiles, writeStale } from '../../hack/generate.ts';

const repository = join(import.meta.dirname, '../..');
const files = await generatedFiles();
const [somePath = '', someText = ''] = [...files][0] ?? [];

test('what is committed is what the schemas say', async () => {
  expect(await staleFiles(repository, files)).toEqual([]);
});

test('generating twice gives the same', async () => {
  expect(await generatedFiles()).toEqual(files);
});

describe('in a folder of its own', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'harrier-generate-'));
    await writeStale(root, files);
  });
  afterEach(() => rm(root, { recursive: true }));

  test('written files are up to date, and a second run writes nothing', async () => {
    expect(await staleFiles(root, files)).toEqual([]);
    expect(await writeStale(root, files)).toEqual([]);
  });

  test('a changed, a missing and a left-over file are each found and mended', async () => {
    const [, [missing = ''] = []] = [...files];
    await writeFile(join(root, somePath), `${someText}# by hand\n`);
    await rm(join(root, missing));
    await writeFile(join(root, 'crds/harrier.dev_gone.yaml'), 'kind: Gone\n');
    const expected = [
      { path: somePath, problem: 'stale' },
      { path: missing, problem: 'missing' },
      { path: 'crds/harrier.dev_gone.yaml', problem: 'left over' },
    ];
    expect(await staleFiles(root, files)).toEqual(expected);
    expect(await writeStale(root, files)).toEqual(expected);
    expect(await staleFiles(root, files)).toEqual([]);
    expect(await readFile(join(root, somePath), 'utf8')).toBe(someText);
  });
});

test('the command fails on a stale file and says which, and how to mend it', async () => {
  const copy = await mkdtemp(join(tmpdir(), 'harrier-generate-'));
  try {
    for (const part of ['hack', 'src', 'crds', 'charts', 'docs', 'package.json'])
      await cp(join(repository, part), join(copy, part), { recursive: true });
    await symlink(join(repository, 'node_modules'), join(copy, 'node_modules'));
    const check = () => promisify(execFile)(process.execPath, ['hack/generate.ts', '--check'], { cwd: copy });
    expect((await check()).stdout).toBe('');
    await writeFile(join(copy, somePath), `${someText}# by hand\n`);
    await expect(check()).rejects.toMatchObject({
      code: 1,
      stdout: `stale: ${somePath}\n`,
      stderr: expect.stringContaining('npm run generate'),
    });
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
});
