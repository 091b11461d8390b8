import { cacheUsage, type UsageOfOne, usageList } from '../../protocol/management.ts';
import { type Command, oneOf } from '../command.ts';
import { UsageError } from '../failure.ts';
import { json } from '../objects.ts';
import { sizeText } from '../size.ts';
import { createTable } from '../table.ts';
import { API_OPTIONS, openApi } from './ask_api.ts';
import { entriesText } from './entries_text.ts';
import { WHOSE_OPTIONS, whoseIn } from './whose.ts';

export const command: Command = {
  summary: 'tell how much the cache holds',
  operands: '',
  details: `Of the repository or pool that is named, else of all that you may read, largest first.`,
  example: 'harrier cache usage',
  options: {
    ...WHOSE_OPTIONS,
    output: { type: 'string', short: 'o', value: 'json', help: 'another format' },
    ...API_OPTIONS,
  },
  async run(given, io) {
    if (given.operands.length > 0) throw new UsageError('usage takes no names; --repository and --pool do');
    const format = oneOf(given, 'output', ['json']);
    const whose = whoseIn(given);
    const api = await openApi(given, io);
    if (whose !== undefined) {
      const one = await api.ask({ path: `${whose.path}/cache/usage`, query: whose.query }, cacheUsage);
      if (format === 'json') return io.out(json(one));
      const size = sizeText(one.active_caches_size_in_bytes);
      return io.out(`${one.full_name}: ${size} in ${entriesText(one.active_caches_count)}\n`);
    }
    const { usage } = await api.ask({ path: '/v1/caches/usage' }, usageList);
    if (format === 'json') return io.out(json({ usage }));
    if (usage.length === 0) return io.note('The cache is empty.\n');
    const table = createTable<UsageOfOne>([
      { title: 'NAMESPACE', cell: ({ namespace }) => namespace },
      { title: 'KIND', cell: ({ kind }) => kind },
      { title: 'NAME', cell: ({ name }) => name },
      { title: 'HOST', cell: ({ host }) => host ?? '-' },
      { title: 'ENTRIES', cell: ({ entries }) => String(entries) },
      { title: 'SIZE', cell: ({ sizeBytes }) => sizeText(sizeBytes) },
    ]);
    io.out(table.head(usage) + usage.map((one) => table.row(one)).join(''));
  },
};
