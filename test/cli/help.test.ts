import { expect, test } from 'vitest';
import { harrier } from './harrier.ts';

const COMMANDS = ['create', 'list', 'describe', 'disable', 'enable', 'pin', 'unpin', 'revoke', 'inspect'];

test('--help lists the commands', async () => {
  const { code, out, err } = await harrier(['--help']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const listed = [...out.matchAll(/^ {2}(\w+) {2,}\S/gm)].map(([, name]) => name);
  expect(listed).toEqual(COMMANDS);
});

test.each(COMMANDS)('%s --help tells of itself, and needs no cluster', async (command) => {
  const { code, out, err } = await harrier([command, '--help']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toContain(`\nUsage: harrier token ${command} [options]`);
  expect(out).toMatch(/^ {2}-h, --help +this text$/m);
});
