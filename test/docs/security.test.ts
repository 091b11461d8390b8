import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GET_LIFETIME, PUT_LIFETIME } from '../../src/cache/blobs/signed_url.ts';
import { DEFAULT_LIMITS } from '../../src/runtime/limits.ts';
import { MAX_TOKEN_LENGTH } from '../../src/tokens/header.ts';

const repository = join(import.meta.dirname, '../..');
const page = await readFile(join(repository, 'docs/security.md'), 'utf8');

test('the table of rights is what the apiserver was seen to grant', async () => {
  const stated: string[] = [];
  let account = '';
  let where = '';
  const section = page.slice(page.indexOf('## Rights'));
  for (const line of section.split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    if (cells.length !== 5 || !cells[3]?.startsWith('`')) continue;
    account = cells[1]?.replaceAll('`', '') || account;
    where = cells[2] || where;
    stated.push(`${account} ${where}: ${cells[3].replaceAll('`', '').replaceAll(', ', ',')}`);
  }
  expect(stated.sort()).toEqual((await granted()).sort());
});

test('the figures are those of the code', () => {
  const kib = (bytes: number) => `${bytes / 1024} KiB`;
  expect(page).toContain(`${kib(DEFAULT_LIMITS.controlBodyBytes)} of control body`);
  expect(page).toContain(`${kib(DEFAULT_LIMITS.headerBytes)} of headers`);
  expect(page).toContain(`${kib(MAX_TOKEN_LENGTH)} of token`);
  expect(page).toContain(`${GET_LIFETIME / 60} minutes (GET) or ${PUT_LIFETIME / 60} (PUT)`);
});

/** From the lists that test/chart/rbac.cluster.test.ts keeps equal to the cluster's own answer. */
async function granted(): Promise<string[]> {
  const lines: string[] = [];
  for (const account of ['controller', 'api'])
    for (const [file, where] of [
      ['runners', 'runner namespaces'],
      ['home', 'home'],
    ]) {
      const text = await readFile(join(repository, `test/chart/rights/${account}_${file}.txt`), 'utf8');
      for (const line of text.trim().split('\n'))
        lines.push(`harrier-${account} ${where}: ${line.replace(/^\S+: /, '')}`);
    }
  return lines;
}
