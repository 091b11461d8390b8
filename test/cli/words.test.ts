import { expect, test } from 'vitest';
import { briefly } from '../../src/cli/age.ts';
import type { Command } from '../../src/cli/command.ts';
import { parse } from '../../src/cli/command.ts';
import { UsageError } from '../../src/cli/failure.ts';
import { newTokenSpec } from '../../src/cli/new_token.ts';
import { createTable } from '../../src/cli/table.ts';
import { command as create } from '../../src/cli/token_commands/create.ts';
import { runnerTokenSpec } from '../../src/resources/runner_token.ts';
import { NOW } from '../tokens/builders.ts';

test.each([
  [-5, '0s'],
  [0, '0s'],
  [45, '45s'],
  [60, '1m'],
  [90, '1m30s'],
  [600, '10m'],
  [659, '10m'],
  [3600, '1h'],
  [11_100, '3h5m'],
  [86_400 * 9 + 3600, '9d1h'],
  [86_400 * 400, '400d'],
])('%d s is briefly %s', (seconds, text) => {
  expect(briefly(seconds * 1000)).toBe(text);
});

test('a table stands in columns, and what a terminal would obey is no part of it', () => {
  const table = createTable<string>([
    { title: 'NAME', cell: (one) => one },
    { title: 'SAYS', cell: (one) => `\u001b[31m${one}\u0007\nand more` },
    { title: 'LAST', cell: () => 'x' },
  ]);
  expect(table.head(['longer', 'b'])).toBe(`NAME     ${'SAYS'.padEnd(19)}   LAST\n`);
  expect(table.row('b')).toBe(`b        ${'[31mb and more'.padEnd(19)}   x\n`);
});

const made = (...args: string[]) => newTokenSpec(parse(create as Command, args), NOW);

test.each<[string[], Record<string, unknown>]>([
  [[], {}],
  [['--one-time'], { usage: 'OneTime' }],
  [['--max-uses', '10'], { maxUses: 10 }],
  [['--expires-in', '1h'], { expiresAt: '2026-11-21T09:00:00Z' }],
  [['--expires-in=1h30m5s'], { expiresAt: '2026-11-21T09:30:05Z' }],
  [['--expires-in', '7d'], { expiresAt: '2026-11-28T08:00:00Z' }],
  [['--expires-in', '1d12h'], { expiresAt: '2026-11-22T20:00:00Z' }],
  [['--scope', 'instance'], { scope: { type: 'instance' } }],
  [['--scope', 'enterprise:acme-corp'], { scope: { type: 'enterprise', name: 'acme-corp' } }],
  [['--scope', 'organization:acme'], { scope: { type: 'organization', name: 'acme' } }],
  [['--scope', 'repository:acme/web'], { scope: { type: 'repository', name: 'acme/web' } }],
  [['--keep-others'], { supersedes: false }],
  [['--on-revoke', 'Delete'], { onRevoke: 'Delete' }],
  [['--description', 'for the Macs'], { description: 'for the Macs' }],
  [['--secret', 'mine'], { secretRef: { name: 'mine' } }],
  [['--secret', 'mine', '--secret-key', 'k'], { secretRef: { name: 'mine', key: 'k' } }],
])('create %j', (args, spec) => {
  const whole = made('--pool', 'linux', ...args);
  expect(whole).toEqual({ type: 'Registration', poolRef: { name: 'linux' }, usage: 'Reusable', ...spec });
  expect(runnerTokenSpec.safeParse(whole).success).toBe(true);
});

test.each([
  [[], /--pool is missing/],
  [['--pool', 'p', '--one-time', '--max-uses', '2'], /exclude each other/],
  [['--pool', 'p', '--max-uses', '0'], /whole number from 1/],
  [['--pool', 'p', '--max-uses', '1e3'], /whole number from 1/],
  [['--pool', 'p', '--expires-in', '0s'], /a time such as/],
  [['--pool', 'p', '--expires-in', '0d'], /a time such as/],
  [['--pool', 'p', '--expires-in', 'soon'], /a time such as/],
  [['--pool', 'p', '--expires-in', ''], /a time such as/],
  [['--pool', 'p', '--scope', 'repository:acme'], /OWNER\/NAME/],
  [['--pool', 'p', '--scope', 'organization:'], /--scope is/],
  [['--pool', 'p', '--scope', 'world'], /--scope is/],
  [['--pool', 'p', '--on-revoke', 'Kill'], /one of Drain, Delete/],
  [['--pool', 'p', '--secret-key', 'k'], /of a --secret/],
  [['--pool', 'p', '--maxuses', '1'], /--maxuses/],
])('create %j is not understood', (args, message) => {
  expect(() => made(...args)).toThrow(UsageError);
  expect(() => made(...args)).toThrow(message);
});
