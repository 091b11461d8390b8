import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { RunnerTokenKind, SecretKind } from '../src/kube/kinds.ts';
import type { IssuedTokens } from '../src/protocol/registration.ts';
import { API_VERSION } from '../src/resources/group.ts';
import type { Lab } from './lab.ts';
import { applyPool } from './pool.ts';
import { type Figure, percentile } from './statistics.ts';

const RUNNERS = 1000;
const AT_ONCE = 32;
/** Children of the revoked parent that are asked again and again, at each replica, and with which pause. */
const ASKED = 50;
const PAUSE_MS = 20;
const POOL = 'registered';
const REGISTRATION = 'bench-registration';

/** Runners that register, beside the bare two writes that each needs; then all of them revoked by their parent's end. */
export async function registrations(lab: Lab, note: (text: string) => void): Promise<Figure[]> {
  await applyPool(lab, POOL, 0);
  const value = await registrationToken(lab, REGISTRATION, POOL);
  const agent = new Agent({ connections: AT_ONCE, pipelining: 1 });
  try {
    note('bare creates');
    const bare = await perSecond(RUNNERS, (index) => bareToken(lab, index));
    note(`${RUNNERS} registrations`);
    const jwts: string[] = [];
    const harrier = await perSecond(RUNNERS, async (index) => {
      const url = lab.apis[index % lab.apis.length]?.url ?? '';
      jwts.push((await register(agent, url, value, { name: `runner-${index}` })).token);
    });
    note('revocation by the parent');
    const took = await revokedByParent(lab, agent, jwts);
    const last = percentile(took, 1);
    const p99 = percentile(took, 0.99);
    return [
      {
        name: `${RUNNERS} registrations by one token over ${lab.apis.length} replicas, to bare create and status write`,
        value: `ratio ${(harrier / bare).toFixed(2)}  (${harrier.toFixed(0)}/s against ${bare.toFixed(0)}/s, ${AT_ONCE} at once)`,
      },
      {
        name: `parent of ${RUNNERS} disabled to 401 in every replica, ${ASKED} of them asked all along, all afterwards`,
        value: `p50 ${percentile(took, 0.5).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, the last ${last.toFixed(0)} ms`,
        goal: { text: 'p99 <= 1,000 ms', met: p99 <= 1000 },
      },
    ];
  } finally {
    await agent.close();
    await lab.client.delete(RunnerTokenKind, lab.namespace, REGISTRATION);
  }
}

export async function perSecond(count: number, work: (index: number) => Promise<void>): Promise<number> {
  const started = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return (count * 1000) / (performance.now() - started);
}

/** Makes a registration token of this name and pool, and answers its value once it lets runners in. */
export async function registrationToken(
  { client, namespace }: Lab,
  name: string,
  pool: string,
): Promise<string> {
  await client.create(RunnerTokenKind, {
    apiVersion: API_VERSION,
    kind: 'RunnerToken',
    metadata: { namespace, name },
    spec: { type: 'Registration', usage: 'Reusable', poolRef: { name: pool } },
  });
  const deadline = Date.now() + 30_000;
  for (;;) {
    const token = await client.get(RunnerTokenKind, namespace, name);
    if (token?.status?.phase === 'Active' && token.status.secretRef !== undefined) {
      const secret = await client.get(SecretKind, namespace, token.status.secretRef.name);
      return Buffer.from(secret?.data?.token ?? '', 'base64').toString();
    }
    if (Date.now() > deadline) throw new Error('the registration token did not become Active');
    await sleep(50);
  }
}

/** What a registration can't do without: one object, and one write of its status. */
async function bareToken({ client, bareNamespace }: Lab, index: number): Promise<void> {
  const metadata = { namespace: bareNamespace, name: `bare-${index}` };
  const parentRef = { name: REGISTRATION, uid: 'bare' };
  await client.create(RunnerTokenKind, {
    apiVersion: API_VERSION,
    kind: 'RunnerToken',
    metadata,
    spec: { poolRef: { name: POOL }, parentRef, runner: { name: `bare-${index}` } },
  });
  const written = { apiVersion: API_VERSION, kind: 'RunnerToken', metadata, status: { phase: 'Active' } };
  await client.applyStatus(RunnerTokenKind, written, { fieldManager: 'bench', force: true });
}

/** Registers a runner with what is asked for it; answers its tokens. */
export async function register(
  agent: Agent,
  url: string,
  value: string,
  runner: { name: string; agent?: boolean; replace?: boolean },
): Promise<IssuedTokens> {
  // A replica may hear of the registration token a moment later than the controller's answer, and says so when it is
  // overloaded; the same registration again gets the same runner.
  for (let tries = 0; ; tries++) {
    const answer = await request(`${url}/v1/registrations`, {
      dispatcher: agent,
      method: 'POST',
      headers: { authorization: `Bearer ${value}`, 'content-type': 'application/json' },
      body: JSON.stringify(runner),
    });
    if (answer.statusCode === 201) return (await answer.body.json()) as IssuedTokens;
    const text = await answer.body.text();
    if ((answer.statusCode !== 401 && answer.statusCode !== 503) || tries > 100)
      throw new Error(`registration: ${answer.statusCode} ${text}`);
    await sleep(100);
  }
}

/**
 * Milliseconds from the sending of the patch to the first 401 of each of ASKED children at each replica, asked again and
 * again; then all of them are asked once, and none may be accepted. Asking a thousand without a pause would measure
 * how fast an api answers, since it is their parent's one event that ends them.
 */
async function revokedByParent(lab: Lab, agent: Agent, jwts: readonly string[]): Promise<number[]> {
  const everywhere = lab.apis.flatMap(({ url }) => jwts.map((jwt) => ({ url, jwt })));
  const ask = async ({ url, jwt }: { url: string; jwt: string }) => {
    const headers = { authorization: `Bearer ${jwt}` };
    const answer = await request(`${url}/v1/runner`, { dispatcher: agent, headers });
    await answer.body.dump();
    return answer.statusCode;
  };
  for (const status of await inTurns(everywhere, ask))
    if (status !== 200) throw new Error(`a child was answered ${status} before the revocation`);
  const stride = Math.ceil(everywhere.length / (ASKED * lab.apis.length));
  const asked = everywhere.filter((_, index) => index % stride === 0);
  const sent = performance.now();
  const refusals = asked.map(async (one) => {
    while ((await ask(one)) !== 401) {
      if (performance.now() - sent > 30_000) throw new Error('a child is still accepted after 30 s');
      await sleep(PAUSE_MS);
    }
    return performance.now() - sent;
  });
  await lab.client.mergePatch(RunnerTokenKind, lab.namespace, REGISTRATION, { spec: { active: false } });
  const took = await Promise.all(refusals);
  const after = await inTurns(everywhere, ask);
  if (after.some((status) => status !== 401)) throw new Error('a child that was not asked is still accepted');
  return took;
}

async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
