import fc from 'fast-check';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeClient } from '../../src/kube/types.ts';
import { makeSigningKey, type SigningKey } from '../../src/tokens/keys.ts';
import { clientOf } from '../controller/pool_in_cluster.ts';
import { useCluster } from '../support/cluster.ts';
import { mutations } from '../tokens/mutations.ts';
import { type ApiProcess, startApi } from './api_process.ts';
import { makeRunner, publishKey } from './cluster_runner.ts';

const MUTATIONS = 5_000;
const SEED = Number(process.env.HARRIER_SEED ?? 20_261_121);
/** What may stand in a header (RFC 9110 section 5.5): the rest does not come to the api. */
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]*$/;

const cluster = useCluster();
const agent = new Agent({ connections: 32 });
let client: KubeClient;
let key: SigningKey;
let api: ApiProcess;
beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  const { kubeconfig, namespace } = cluster;
  key = await publishKey(client, namespace);
  api = await startApi({ kubeconfig, namespace, runners: namespace });
});
afterAll(async () => {
  await api?.stop();
  await agent.close();
  await client.close();
});

async function statusOf(jwt: string): Promise<number> {
  const answer = await request(`${api.url}/v1/runner`, {
    headers: { authorization: `Bearer ${jwt}` },
    dispatcher: agent,
  });
  await answer.body.dump();
  return answer.statusCode;
}

test(`of ${MUTATIONS} mutated tokens of live runners none is accepted over HTTP`, async () => {
  const { namespace } = cluster;
  const runners = await Promise.all(
    ['a', 'b', 'c'].map((name) => makeRunner(client, { namespace, name, key })),
  );
  const tokens = runners.map(({ jwt }) => jwt);
  for (const token of tokens) await expect.poll(() => statusOf(token), { timeout: 20_000 }).toBe(200);

  const genuine = { tokens, key, stranger: await makeSigningKey(new Date()) };
  const texts = new Set<string>();
  for (let seed = SEED; texts.size < MUTATIONS; seed++)
    // Spaces around a header's value are not part of it.
    for (const { text } of fc.sample(mutations(genuine), { numRuns: MUTATIONS, seed }))
      if (SENDABLE.test(text) && !tokens.includes(text.trim()) && texts.size < MUTATIONS) texts.add(text);

  const statuses = new Map<number, number>();
  const left = [...texts];
  const hand = async () => {
    for (let text = left.pop(); text !== undefined; text = left.pop()) {
      const status = await statusOf(text);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 32 }, hand));
  process.stdout.write(`mutated tokens over HTTP (seed ${SEED}): ${JSON.stringify([...statuses])}\n`);
  expect([...statuses]).toEqual([[401, MUTATIONS]]);
  for (const token of tokens) expect(await statusOf(token)).toBe(200);
});
