import { RunnerTokenKind } from '../kube/kinds.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import type { Given } from './command.ts';
import { Failed, UsageError } from './failure.ts';
import type { Cluster } from './open_cluster.ts';

/** The tokens that the command line names, all of them or an error: half a command would be hard to see through. */
export async function namedTokens(given: Given, { client, namespace }: Cluster): Promise<RunnerToken[]> {
  const names = given.operands.map((name) => name.replace(/^(runnertokens?|rt)(\.harrier\.dev)?\//, ''));
  if (names.length === 0) throw new UsageError('name a token; harrier token list shows them');
  return Promise.all(
    names.map(async (name) => {
      const token = await client.get(RunnerTokenKind, namespace, name);
      if (token === undefined)
        throw new Failed(
          `there is no token ${name} in the namespace ${namespace}: harrier token list -n ${namespace} --type all shows those there are`,
        );
      return token;
    }),
  );
}

/** Throws for a Runtime token: what the command changes, such a token does not have. */
export function requireRegistration({ metadata, spec }: RunnerToken): void {
  if (spec.type !== 'Registration')
    throw new Failed(
      `${metadata.name} is the identity of one runner, which never changes: harrier token revoke ${metadata.name} takes it away`,
    );
}
