import { pino } from 'pino';
import { createInformer } from '../kube/informer.ts';
import { RunnerTokenKind } from '../kube/kinds.ts';
import type { StoreChange } from '../kube/types.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import type { Io } from './command.ts';
import { asObject, objectName } from './objects.ts';
import type { Cluster } from './open_cluster.ts';
import { type Column, createTable } from './table.ts';
import type { Row } from './token_columns.ts';

export interface Watched {
  wanted(token: RunnerToken): boolean;
  columns: readonly Column<Row>[];
  format: 'json' | 'wide' | 'name' | undefined;
}

/** Prints the tokens and then each change of one, until interrupted. A watch that breaks is mended unseen. */
export async function watchTokens(
  { client, namespace }: Cluster,
  { wanted, columns, format }: Watched,
  { out, signal }: Io,
): Promise<void> {
  // A refusal is an answer for the person; the informer would go on asking.
  const { items } = await client.list(RunnerTokenKind, namespace);
  const table = createTable(columns);
  const print = (token: RunnerToken, type: 'set' | 'deleted') => {
    if (format === 'json') out(`${JSON.stringify({ type, object: asObject(token) })}\n`);
    else if (format === 'name') out(`${objectName(token)}\n`);
    else out(table.row({ token, deleted: type === 'deleted' }));
  };
  if (format === undefined || format === 'wide')
    out(table.head(items.filter(wanted).map((token) => ({ token }))));
  const log = pino({ level: 'silent' });
  const informer = createInformer({ client, kind: RunnerTokenKind, namespaces: [namespace], log });
  informer.onChange(({ type, object }: StoreChange<RunnerToken>) => {
    if (wanted(object)) print(object, type);
  });
  const interrupted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  void informer.start();
  await interrupted;
  await informer.stop();
}
