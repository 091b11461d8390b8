import { createInterface } from 'node:readline/promises';
import { z } from 'zod';
import { managedCaches } from '../../protocol/management.ts';
import { type Command, type Given, type Io, oneOf } from '../command.ts';
import { Failed, UsageError } from '../failure.ts';
import { json } from '../objects.ts';
import { sizeText } from '../size.ts';
import { API_OPTIONS, type AskedApi, openApi } from './ask_api.ts';
import { entriesText } from './entries_text.ts';
import { readCaches } from './read_caches.ts';
import { requireWhose, WHOSE_OPTIONS, type Whose } from './whose.ts';

export const command: Command = {
  summary: 'remove entries',
  operands: '[ID...]',
  details: `Removes the entries of these ids, or with --key all that have exactly this key, in every scope or in the one
of --ref. Asks before it does; --yes is the answer where nobody can be asked. Their keys are free at once.`,
  example: 'harrier cache rm --repository acme/app --key npm-linux-1 --yes',
  options: {
    ...WHOSE_OPTIONS,
    key: { type: 'string', value: 'KEY', help: 'entries with exactly this key' },
    ref: { type: 'string', value: 'REF', help: 'with --key: of this scope alone' },
    yes: { type: 'boolean', short: 'y', help: 'do not ask' },
    output: { type: 'string', short: 'o', value: 'json', help: 'another format' },
    ...API_OPTIONS,
  },
  async run(given, io) {
    const format = oneOf(given, 'output', ['json']);
    const whose = requireWhose(given);
    const [key, ref] = [given.text('key'), given.text('ref')];
    const ids = given.operands.map(idOf);
    if ((key === undefined) === (ids.length === 0)) throw new UsageError('name ids, or a --key');
    if (ref !== undefined && key === undefined) throw new UsageError('--ref is of a --key');
    const api = await openApi(given, io);
    if (key === undefined) {
      await confirm(given, io, `Remove ${entriesText(ids.length)} of ${whose.name}?`);
      return await removeIds(api, whose, ids, io, format);
    }
    const { caches } = await readCaches(api, whose, { key, ref });
    // The list takes a key for a beginning; only the very key is removed.
    const meant = caches.filter((one) => one.key === key);
    if (meant.length === 0) throw new Failed(`no entry of ${whose.name} has this key`);
    const size = sizeText(meant.reduce((sum, one) => sum + one.size_in_bytes, 0));
    await confirm(given, io, `Remove ${entriesText(meant.length)} (${size}) of ${whose.name}?`);
    const removed = await api.ask(
      { method: 'DELETE', path: `${whose.path}/caches`, query: { ...whose.query, key, ref } },
      managedCaches,
    );
    if (format === 'json') io.out(json({ removed: removed.actions_caches.map(({ id }) => id) }));
    else io.out(`${entriesText(removed.total_count)} removed\n`);
  },
};

/** Each by itself: what can't be removed keeps none of the others. */
async function removeIds(
  api: AskedApi,
  whose: Whose,
  ids: readonly string[],
  io: Io,
  format: 'json' | undefined,
): Promise<void> {
  const removed: number[] = [];
  const failures: string[] = [];
  for (const id of ids) {
    try {
      const path = `${whose.path}/caches/${id}`;
      await api.ask({ method: 'DELETE', path, query: whose.query }, z.undefined());
      removed.push(Number(id));
      if (format === undefined) io.out(`${id} removed\n`);
    } catch (error) {
      failures.push(`${id}: ${(error as Error).message}`);
    }
  }
  if (format === 'json') io.out(json({ removed }));
  if (failures.length > 0) throw new Failed(failures.join('\n'));
}

async function confirm(given: Given, io: Io, question: string): Promise<void> {
  if (given.flag('yes')) return;
  if (io.stdin.isTTY !== true) throw new UsageError('nobody is there to be asked: say --yes');
  io.note(`${question} [y/N] `);
  const lines = createInterface({ input: io.stdin, signal: io.signal });
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.once('line', resolve).once('close', () => resolve(''));
    });
    if (!/^y(es)?$/i.test(answer.trim())) throw new Failed('nothing was removed');
  } finally {
    lines.close();
  }
}

function idOf(text: string): string {
  if (!/^[1-9][0-9]{0,15}$/.test(text))
    throw new UsageError('an id is a number, as harrier cache ls shows it');
  return text;
}
