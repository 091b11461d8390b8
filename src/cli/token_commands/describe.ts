import { isKubeError } from '../../kube/errors.ts';
import { type Event, EventKind } from '../../kube/kinds.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { type Command, oneOf } from '../command.ts';
import { descendantsOf } from '../descendants.ts';
import { describeToken } from '../describe_token.ts';
import { namedTokens } from '../named_tokens.ts';
import { asObject, json } from '../objects.ts';
import { CLUSTER_OPTIONS, type Cluster, withCluster } from '../open_cluster.ts';

export const command: Command = {
  summary: 'show all there is to know of a token, with the runners that joined by it',
  operands: 'NAME...',
  details: 'Like kubectl describe, and with -o json the object with the names of its descendants.',
  example: 'harrier token describe macs',
  options: {
    ...CLUSTER_OPTIONS,
    output: { type: 'string', short: 'o', value: 'json', help: 'another format' },
  },
  async run(given, io) {
    const format = oneOf(given, 'output', ['json']);
    await withCluster(given, async (cluster) => {
      const described = await Promise.all(
        (await namedTokens(given, cluster)).map(async (token) => ({
          token,
          descendants: token.spec.type === 'Registration' ? await descendantsOf(token, cluster) : [],
          events: await eventsOf(token, cluster),
        })),
      );
      if (format === undefined)
        return io.out(described.map((one) => describeToken(one, io.now())).join('\n'));
      const objects = described.map(({ token, descendants }) => ({
        ...asObject(token),
        descendants: descendants.map(({ metadata }) => metadata.name),
      }));
      io.out(json(objects.length === 1 ? objects[0] : { apiVersion: 'v1', kind: 'List', items: objects }));
    });
  },
};

/** What was told of it lately; nothing for somebody who may see tokens and not events. */
async function eventsOf(token: RunnerToken, { client, namespace }: Cluster): Promise<Event[]> {
  const fieldSelector = `involvedObject.uid=${token.metadata.uid}`;
  try {
    return (await client.list(EventKind, namespace, { fieldSelector })).items;
  } catch (error) {
    if (isKubeError(error, 'forbidden')) return [];
    throw error;
  }
}
