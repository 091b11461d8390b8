import { RunnerTokenKind } from '../../kube/kinds.ts';
import { CHANGE_OPTIONS } from '../change_tokens.ts';
import { type Command, oneOf } from '../command.ts';
import { descendantsOf, runners } from '../descendants.ts';
import { namedTokens } from '../named_tokens.ts';
import { json, objectName } from '../objects.ts';
import { withCluster } from '../open_cluster.ts';

export const command: Command = {
  summary: 'delete a token, and revoke whoever has joined by it',
  operands: 'NAME...',
  details: `Every runner that descends from the token is refused at once; pods are drained or deleted as the token's
spec.onRevoke says. Nothing is asked, and nothing brings a token back. harrier token disable can be undone.
The identity of one runner may be revoked too: its runner is refused, and the pool makes another.`,
  example: 'harrier token revoke macs',
  options: CHANGE_OPTIONS,
  async run(given, io) {
    const format = oneOf(given, 'output', ['json', 'name']);
    await withCluster(given, async (cluster) => {
      const { client, namespace } = cluster;
      const revoked: { name: string; namespace: string; runners: number }[] = [];
      for (const token of await namedTokens(given, cluster)) {
        const { name, uid } = token.metadata;
        const count = token.spec.type === 'Runtime' ? 1 : (await descendantsOf(token, cluster)).length;
        await client.delete(RunnerTokenKind, namespace, name, { uid });
        revoked.push({ name, namespace, runners: count });
        if (format === 'name') io.out(`${objectName(token)}\n`);
        if (format === undefined) io.out(`${objectName(token)} revoked, and with it ${runners(count)}\n`);
      }
      if (format === 'json') io.out(json({ revoked }));
    });
  },
};
