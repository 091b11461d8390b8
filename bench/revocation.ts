import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { PodKind } from '../src/kube/kinds.ts';
import type { Lab } from './lab.ts';
import { runnersOf } from './pool.ts';
import { runtimeToken } from './runner_tokens.ts';
import { type Figure, percentile } from './statistics.ts';

const DELETES = 200;

/** Between two questions: asking without pause takes the processors that the delete's news comes by. */
const PAUSE_MS = 2;

/** Asks one replica again and again until it refuses; answers when, on the clock of `performance`. */
async function firstRefusal(agent: Agent, url: string, token: string): Promise<number> {
  for (;;) {
    const answer = await request(`${url}/v1/runner`, {
      dispatcher: agent,
      headers: { authorization: `Bearer ${token}` },
    });
    await answer.body.dump();
    if (answer.statusCode === 401) return performance.now();
    await sleep(PAUSE_MS);
    if (answer.statusCode !== 200) throw new Error(`the api answered ${answer.statusCode}`);
  }
}

/** Milliseconds from the sending of a pod's delete to the last replica's first 401, each asked every PAUSE_MS. */
export async function revocation(lab: Lab, note: (text: string) => void): Promise<Figure[]> {
  const runners = await runnersOf(lab, 'short-lived', DELETES);
  const agent = new Agent({ connections: 4, pipelining: 1 });
  const took: number[] = [];
  for (const [index, pod] of runners.pods.slice(0, DELETES).entries()) {
    note(`${index} of ${DELETES} deletes`);
    const token = await runtimeToken(lab, pod.metadata.name);
    const refusals = lab.apis.map(({ url }) => firstRefusal(agent, url, token));
    await sleep(10);
    const sent = performance.now();
    await lab.client.delete(PodKind, lab.namespace, pod.metadata.name, { uid: pod.metadata.uid });
    took.push(Math.max(...(await Promise.all(refusals))) - sent);
  }
  await agent.close();
  await runners.gone();
  const p99 = percentile(took, 0.99);
  return [
    {
      name: `pod delete to 401 in all of ${lab.apis.length} api replicas, ${DELETES} deletes`,
      value: `p50 ${percentile(took, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, most ${percentile(took, 1).toFixed(1)} ms`,
      goal: { text: 'p99 <= 100 ms', met: p99 <= 100 },
    },
  ];
}
