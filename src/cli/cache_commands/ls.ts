import type { CacheSort, ManagedCache } from '../../protocol/management.ts';
import { type Command, type Given, oneOf } from '../command.ts';
import { UsageError } from '../failure.ts';
import { json } from '../objects.ts';
import { sizeText } from '../size.ts';
import { createTable } from '../table.ts';
import { since } from '../token_columns.ts';
import { API_OPTIONS, openApi } from './ask_api.ts';
import { readCaches, WHICH_OPTIONS } from './read_caches.ts';
import { requireWhose, WHOSE_OPTIONS } from './whose.ts';

const SORTS = {
  used: 'last_accessed_at',
  created: 'created_at',
  size: 'size_in_bytes',
} as const satisfies Record<string, CacheSort>;

export const command: Command = {
  summary: 'list entries',
  operands: '',
  details: `Lists what the cache holds for a repository or a pool, the last used first.`,
  example: 'harrier cache ls --repository acme/app --key npm- --sort size',
  options: {
    ...WHOSE_OPTIONS,
    ...WHICH_OPTIONS,
    sort: { type: 'string', value: 'used|created|size', help: 'largest or latest first; by default used' },
    ascending: { type: 'boolean', help: 'smallest or earliest first' },
    limit: { type: 'string', short: 'L', value: 'N', help: 'at most so many; by default 100, 0 for all' },
    output: { type: 'string', short: 'o', value: 'json', help: 'another format' },
    ...API_OPTIONS,
  },
  async run(given, io) {
    if (given.operands.length > 0) throw new UsageError('ls takes no names; --key does');
    const format = oneOf(given, 'output', ['json']);
    const whose = requireWhose(given);
    const sort = SORTS[oneOf(given, 'sort', ['used', 'created', 'size']) ?? 'used'];
    const limit = limitOf(given);
    const { total, caches } = await readCaches(await openApi(given, io), whose, {
      key: given.text('key'),
      ref: given.text('ref'),
      sort,
      ascending: given.flag('ascending'),
      limit,
    });
    if (format === 'json') return io.out(json({ total_count: total, actions_caches: caches }));
    if (caches.length === 0) return io.note(`No entries found for ${whose.name}.\n`);
    const table = createTable<ManagedCache>([
      { title: 'ID', cell: ({ id }) => String(id) },
      { title: 'KEY', cell: ({ key }) => key },
      { title: 'REF', cell: ({ ref }) => ref },
      { title: 'SIZE', cell: ({ size_in_bytes }) => sizeText(size_in_bytes) },
      { title: 'USED', cell: (one) => since(one.last_accessed_at, io.now()) },
      { title: 'AGE', cell: ({ created_at }) => since(created_at, io.now()) },
      { title: 'POOL', cell: ({ pool }) => pool || '-' },
    ]);
    io.out(table.head(caches) + caches.map((one) => table.row(one)).join(''));
    if (total > caches.length) io.note(`${total - caches.length} more: --limit shows them.\n`);
  },
};

function limitOf(given: Given): number | undefined {
  const text = given.text('limit') ?? '100';
  if (!/^[0-9]{1,7}$/.test(text)) throw new UsageError('--limit is a whole number');
  return text === '0' ? undefined : Number(text);
}
