import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MALFORMATIONS } from '../../src/tokens/routable/malformed.ts';
import { harrier } from '../cli/harrier.ts';
import { commandsOf } from './commands.ts';

const page = await readFile(join(import.meta.dirname, '../../docs/routable_tokens.md'), 'utf8');

test('the example prints what stands under it', async () => {
  const [command = '', ...others] = commandsOf(page);
  expect(others).toEqual([]);
  const [, shown = ''] = /^```json\n(.*?)^```$/ms.exec(page) ?? [];
  const words = command.replace('harrier token ', '').split(' ');
  expect(await harrier(words)).toEqual({ code: 0, out: shown, err: '' });
});

test('every reason is in the table', () => {
  const table = page.slice(page.indexOf('| reason |'));
  const reasons = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) => cell.split(', '));
  expect(reasons).toEqual(Object.keys(MALFORMATIONS).map((code) => `\`${code}\``));
});
