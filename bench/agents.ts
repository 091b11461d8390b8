import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { RunnerTokenKind, SecretKind } from '../src/kube/kinds.ts';
import type { AgentOrder, AgentReport } from '../src/protocol/agent.ts';
import { AGENT_PATH } from '../src/protocol/agent_close.ts';
import { PodPart, tokenSecretName } from '../src/resources/group.ts';
import type { Lab } from './lab.ts';
import { runnersOf } from './pool.ts';
import { residentMiB } from './resident.ts';
import { type Figure, percentile } from './statistics.ts';

const AGENTS = 5_000;
const AT_ONCE = 32;
/** Reports whose way to the store is measured, one after the other. */
const REPORTS = 300;
/** How long the api is left alone before its memory is looked at. */
const QUIET_MS = 10_000;
const GOAL_MIB = 150;

interface BenchAgent {
  /** Milliseconds until the report was acknowledged, which it is when it is stored. */
  say(message: AgentReport): Promise<number>;
  close(): void;
}

function openAgent(apiUrl: string, jwt: string): Promise<BenchAgent> {
  const socket = new WebSocket(`${apiUrl.replace(/^http/, 'ws')}${AGENT_PATH}`, {
    headers: { authorization: `Bearer ${jwt}` },
    perMessageDeflate: false,
  });
  const waiting = new Map<string, (order: AgentOrder) => void>();
  socket.on('message', (data) => {
    const order = JSON.parse(String(data)) as AgentOrder;
    if ('id' in order && order.id !== undefined) waiting.get(order.id)?.(order);
  });
  const agent: BenchAgent = {
    async say(message) {
      const from = performance.now();
      const order = await new Promise<AgentOrder>((resolve) => {
        waiting.set(message.id, resolve);
        socket.send(JSON.stringify(message));
      });
      if (order.type !== 'ack') throw new Error(`the api answered ${JSON.stringify(order)}`);
      return performance.now() - from;
    },
    close: () => socket.terminate(),
  };
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(agent));
    socket.once('error', reject);
  });
}

/** The agents' JWTs, read with the bench's own rights as administrator, once every token is Active. */
async function agentTokens(
  lab: Lab,
  names: readonly string[],
  note: (text: string) => void,
): Promise<string[]> {
  const deadline = Date.now() + 300_000;
  for (;;) {
    const { items } = await lab.client.list(RunnerTokenKind, lab.namespace);
    const active = items.filter(
      ({ spec, status }) => spec.agent === true && status?.phase === 'Active',
    ).length;
    note(`${active} of ${names.length} identities`);
    if (active >= names.length) break;
    if (Date.now() > deadline) throw new Error('not every token became Active');
    await sleep(1000);
  }
  return await inTurn(names, async (name) => {
    const secret = await lab.client.get(SecretKind, lab.namespace, tokenSecretName(name));
    return Buffer.from(secret?.data?.[PodPart.agentTokenFile] ?? '', 'base64').toString();
  });
}

/** Works on so many at once; the results are in the order of the items. */
async function inTurn<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < items.length; index = next++)
      results[index] = await work(items[index] as T, index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return results;
}

/** What thousands of agent connections cost one api process, and how long a report takes to the store. */
export async function agents(lab: Lab, note: (text: string) => void): Promise<Figure[]> {
  note(`bringing up ${AGENTS} runners`);
  const runners = await runnersOf(lab, 'agents', AGENTS, { agent: { enabled: true } });
  const names = runners.pods.map(({ metadata }) => metadata.name);
  const jwts = await agentTokens(lab, names, note);
  const [api] = lab.apis;
  if (api === undefined) throw new Error('the lab has no api');
  note('the api alone');
  await sleep(QUIET_MS);
  const before = await residentMiB(api.pid);

  note(`${AGENTS} connections`);
  const from = performance.now();
  const open = await inTurn(jwts, (jwt) => openAgent(api.url, jwt));
  const connectedMs = performance.now() - from;
  await inTurn(open, (agent) => agent.say({ type: 'online', id: 'online', ready: true }));
  note('all online, and quiet');
  await sleep(QUIET_MS);
  const cost = (await residentMiB(api.pid)) - before;

  note('reports');
  const took: number[] = [];
  for (const [index, agent] of open.slice(0, REPORTS).entries())
    took.push(await agent.say({ type: 'job-started', id: `busy-${index}` }));
  for (const agent of open) agent.close();
  await runners.gone();
  return [
    {
      name: `${AGENTS} agent connections, all online: cost the api`,
      value: `${cost.toFixed(0)} MiB  (${((cost * 1024) / AGENTS).toFixed(1)} KiB each, over ${before.toFixed(0)} MiB; opened ${Math.round(AGENTS / (connectedMs / 1000))}/s)`,
      goal: { text: `<= ${GOAL_MIB} MiB`, met: cost <= GOAL_MIB },
    },
    {
      name: `an agent's report to the store, among ${AGENTS} connections`,
      value: `p50 ${percentile(took, 0.5).toFixed(1)} ms, p99 ${percentile(took, 0.99).toFixed(1)} ms`,
    },
  ];
}
