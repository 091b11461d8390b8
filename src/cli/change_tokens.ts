import { RunnerTokenKind } from '../kube/kinds.ts';
import type { RunnerToken, RunnerTokenSpec } from '../resources/runner_token.ts';
import { type Given, type Io, type Option, oneOf } from './command.ts';
import { namedTokens, requireRegistration } from './named_tokens.ts';
import { asList, asObject, json, objectName } from './objects.ts';
import { CLUSTER_OPTIONS, type Cluster, withCluster } from './open_cluster.ts';

export const CHANGE_OPTIONS = {
  ...CLUSTER_OPTIONS,
  output: { type: 'string', short: 'o', value: 'json|name', help: 'another format' },
} as const satisfies Record<string, Option>;

/** What becomes of a token's spec; `done` is the word for it, `more` what else is to be told. */
export interface Change {
  spec(token: RunnerToken): Partial<RunnerTokenSpec>;
  done: string;
  more?(token: RunnerToken, cluster: Cluster): Promise<string>;
}

/** Makes the change on each Registration token named, and says so. */
export async function changeTokens(given: Given, io: Io, change: Change): Promise<void> {
  const format = oneOf(given, 'output', ['json', 'name']);
  await withCluster(given, async (cluster) => {
    const { client, namespace } = cluster;
    const tokens = await namedTokens(given, cluster);
    for (const token of tokens) requireRegistration(token);
    const changed: RunnerToken[] = [];
    for (const token of tokens) {
      const more = (await change.more?.(token, cluster)) ?? '';
      // With the UID: a token deleted and made anew under the name meanwhile is not the one that was named.
      const patch = { metadata: { uid: token.metadata.uid }, spec: change.spec(token) };
      const after = await client.mergePatch(RunnerTokenKind, namespace, token.metadata.name, patch);
      changed.push(after);
      if (format === 'name') io.out(`${objectName(after)}\n`);
      const same = after.metadata.resourceVersion === token.metadata.resourceVersion;
      if (format === undefined)
        io.out(`${objectName(after)} ${change.done}${same ? ' (it was before)' : more}\n`);
    }
    if (format === 'json') io.out(json(oneOrList(changed)));
  });
}

function oneOrList(tokens: readonly RunnerToken[]): unknown {
  const [only, ...others] = tokens;
  return only !== undefined && others.length === 0 ? asObject(only) : asList(tokens);
}
