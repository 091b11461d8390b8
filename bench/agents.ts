import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { WebSocket } from 'ws';
import { RunnerTokenKind } from '../src/kube/kinds.ts';
import type { AgentOrder, AgentReport } from '../src/protocol/agent.ts';
import { AGENT_PATH } from '../src/protocol/agent_close.ts';
import type { Lab } from './lab.ts';
import { applyPool } from './pool.ts';
import { perSecond, register, registrationToken } from './registrations.ts';
import { residentMiB } from './resident.ts';
import { type Figure, percentile } from './statistics.ts';

const AGENTS = 5_000;
const AT_ONCE = 32;
/** Reports whose way to the store is measured, one after the other. */
const REPORTS = 300;
/** How long the api is left alone before its memory is looked at. */
const QUIET_MS = 10_000;
const GOAL_MIB = 150;
const POOL = 'agents';
const REGISTRATION = 'bench-agents';

interface BenchAgent {
  /** Milliseconds until the report was acknowledged, which it is when it is stored. */
  say(message: AgentReport): Promise<number>;
  /** When it was told that its identity is dead. */
  revoked: Promise<number>;
}

function openAgent(apiUrl: string, jwt: string): Promise<BenchAgent> {
  const socket = new WebSocket(`${apiUrl.replace(/^http/, 'ws')}${AGENT_PATH}`, {
    headers: { authorization: `Bearer ${jwt}` },
    perMessageDeflate: false,
  });
  const waiting = new Map<string, (order: AgentOrder) => void>();
  socket.on('message', (data) => {
    const order = JSON.parse(String(data)) as AgentOrder;
    if (order.type === 'revoke') revoked.resolve(performance.now());
    else if ('id' in order && order.id !== undefined) waiting.get(order.id)?.(order);
  });
  const revoked = Promise.withResolvers<number>();
  const agent: BenchAgent = {
    revoked: revoked.promise,
    async say(message) {
      const from = performance.now();
      for (;;) {
        const order = await new Promise<AgentOrder>((resolve) => {
          waiting.set(message.id, resolve);
          socket.send(JSON.stringify(message));
        });
        if (order.type === 'ack') return performance.now() - from;
        // Thousands of first words are more writes than the control plane beside them takes at once.
        if (order.type !== 'error' || order.problem.status !== 503)
          throw new Error(`the api answered ${JSON.stringify(order)}`);
        await sleep(1000);
      }
    },
  };
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(agent));
    socket.once('error', reject);
  });
}

/**
 * Agent JWTs of runners that register, since thousands of pods would measure the control plane. Each replaces its
 * namesake: one whose answer was lost long ago is a stranger to the registration that is repeated.
 */
async function registered(lab: Lab): Promise<string[]> {
  await applyPool(lab, POOL, 0);
  const value = await registrationToken(lab, REGISTRATION, POOL);
  const agent = new Agent({ connections: AT_ONCE, pipelining: 1 });
  const jwts: string[] = [];
  await perSecond(AGENTS, async (index) => {
    const url = lab.apis[index % lab.apis.length]?.url ?? '';
    const runner = { name: `agent-${index}`, agent: true, replace: true };
    const { agentToken } = await register(agent, url, value, runner);
    if (agentToken === undefined) throw new Error('the registration got no agent token');
    jwts.push(agentToken);
  });
  await agent.close();
  return jwts;
}

/** Milliseconds from the patch that disables the parent to each agent's being told. */
async function revoked(lab: Lab, open: readonly BenchAgent[]): Promise<number[]> {
  const told = open.map((agent) => agent.revoked);
  const sent = performance.now();
  await lab.client.mergePatch(RunnerTokenKind, lab.namespace, REGISTRATION, { spec: { active: false } });
  return (await Promise.all(told)).map((at) => at - sent);
}

/** What thousands of agent connections cost one api process, and how long a word takes either way. */
export async function agents(lab: Lab, note: (text: string) => void): Promise<Figure[]> {
  const [api] = lab.apis;
  if (api === undefined) throw new Error('the lab has no api');
  note(`${AGENTS} registrations`);
  const jwts = await registered(lab);
  note('the api alone');
  await sleep(QUIET_MS);
  const before = await residentMiB(api.pid);

  note(`${AGENTS} connections`);
  const open: BenchAgent[] = [];
  const connected = await perSecond(AGENTS, async (index) => {
    open.push(await openAgent(api.url, jwts[index] ?? ''));
  });
  await perSecond(AGENTS, async (index) => {
    await open[index]?.say({ type: 'online', id: 'online', ready: true });
  });
  note('all online, and quiet');
  await sleep(QUIET_MS);
  const cost = (await residentMiB(api.pid)) - before;

  note('reports');
  const took: number[] = [];
  for (const [index, agent] of open.slice(0, REPORTS).entries())
    took.push(await agent.say({ type: 'job-started', id: `busy-${index}` }));
  note('revocation');
  const ended = await revoked(lab, open);
  await lab.client.delete(RunnerTokenKind, lab.namespace, REGISTRATION);
  const kib = ((cost * 1024) / AGENTS).toFixed(1);
  return [
    {
      name: `${AGENTS} agent connections, all online, to one api`,
      value: `${cost.toFixed(0)} MiB over ${before.toFixed(0)}  (${kib} KiB each, opened ${connected.toFixed(0)}/s)`,
      goal: { text: `<= ${GOAL_MIB} MiB`, met: cost <= GOAL_MIB },
    },
    {
      name: `an agent's report to the store, among ${AGENTS} connections`,
      value: `p50 ${percentile(took, 0.5).toFixed(1)} ms, p99 ${percentile(took, 0.99).toFixed(1)} ms`,
    },
    {
      name: `parent disabled to ${AGENTS} agents told to end`,
      value: `p50 ${percentile(ended, 0.5).toFixed(0)} ms, the last ${percentile(ended, 1).toFixed(0)} ms`,
      goal: { text: 'the last <= 1,000 ms', met: percentile(ended, 1) <= 1000 },
    },
  ];
}
