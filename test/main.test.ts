import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '../src/main.ts');

test.each([
  ['no mode', []],
  ['a token instead of one', ['hrt_MDEyMzQ1Njc4OWFiY2RlZg']],
  ['a name that every object has', ['constructor']],
])('%s is not understood, and not repeated: exit 2', (_, args) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^harrier: .*; one of: controller, api, sidecar/);
  for (const word of args) expect(stderr).not.toContain(word);
});
