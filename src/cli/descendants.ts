import { RunnerTokenKind } from '../kube/kinds.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import type { Cluster } from './open_cluster.ts';

/** The Runtime tokens that live by this Registration token, and die with it. */
export async function descendantsOf(
  parent: RunnerToken,
  { client, namespace }: Cluster,
): Promise<RunnerToken[]> {
  const { items } = await client.list(RunnerTokenKind, namespace);
  return items.filter(
    ({ metadata, spec, status }) =>
      spec.parentRef?.uid === parent.metadata.uid &&
      metadata.deletionTimestamp === undefined &&
      (status?.phase === undefined || status.phase === 'Pending' || status.phase === 'Active'),
  );
}

export function runners(count: number): string {
  return count === 1 ? '1 runner' : `${count} runners`;
}
