import { RunnerTokenKind } from '../../kube/kinds.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { type Command, oneOf } from '../command.ts';
import { UsageError } from '../failure.ts';
import { asList, json, objectName } from '../objects.ts';
import { CLUSTER_OPTIONS, withCluster } from '../open_cluster.ts';
import { createTable } from '../table.ts';
import { tokenColumns } from '../token_columns.ts';
import { watchTokens } from '../watch_tokens.ts';

const TYPES = { registration: 'Registration', runtime: 'Runtime', all: 'all' } as const;

export const command: Command = {
  summary: 'list tokens',
  operands: '',
  details: `Lists the tokens by which runners join, and with --type those of the runners themselves.
With --watch the changes follow as they happen: as rows, or with -o json as one object a line.`,
  example: 'harrier token list --pool linux -o wide',
  options: {
    ...CLUSTER_OPTIONS,
    output: { type: 'string', short: 'o', value: 'json|wide|name', help: 'another format' },
    pool: { type: 'string', value: 'NAME', help: 'of this pool alone' },
    type: { type: 'string', value: 'TYPE', help: 'registration (default), runtime or all' },
    watch: { type: 'boolean', short: 'w', help: 'show changes until interrupted' },
  },
  async run(given, io) {
    if (given.operands.length > 0) throw new UsageError('list takes no names; describe does');
    const format = oneOf(given, 'output', ['json', 'wide', 'name']);
    const type = TYPES[oneOf(given, 'type', ['registration', 'runtime', 'all']) ?? 'registration'];
    const pool = given.text('pool');
    const wanted = ({ spec }: RunnerToken) =>
      (type === 'all' || spec.type === type) && (pool === undefined || spec.poolRef.name === pool);
    const columns = tokenColumns(type, format === 'wide', io.now);
    await withCluster(given, async (cluster) => {
      if (given.flag('watch')) return await watchTokens(cluster, { wanted, columns, format }, io);
      const { items, malformed } = await cluster.client.list(RunnerTokenKind, cluster.namespace);
      for (const { metadata } of malformed)
        io.note(`${metadata.name} is left out: it is not what this version of Harrier calls a token\n`);
      const tokens = items.filter(wanted);
      if (format === 'json') return io.out(json(asList(tokens)));
      if (format === 'name') return io.out(tokens.map((token) => `${objectName(token)}\n`).join(''));
      if (tokens.length === 0) return io.note(`No tokens found in the namespace ${cluster.namespace}.\n`);
      const rows = tokens.map((token) => ({ token }));
      const table = createTable(columns);
      io.out(table.head(rows) + rows.map((row) => table.row(row)).join(''));
    });
  },
};
