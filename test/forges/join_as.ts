import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { joinAnswer } from '../../src/protocol/join.ts';
import { eventually } from '../controller/pool_in_cluster.ts';
import type { Cell } from '../support/cell.ts';

/** What the sidecar and the join container do in this pod: they say that it is installing, and get its files once. */
export async function joinAs(cell: Cell, pod: string): Promise<Record<string, string>> {
  const jwt = await eventually(`the JWT of ${pod}`, () => cell.jwtOf(pod));
  const headers = { authorization: `Bearer ${jwt}`, 'content-type': 'application/json' };
  await eventually(`${pod} is installing`, async () => {
    const body = JSON.stringify({ state: 'Installing' });
    return (await fetch(`${cell.issuer}/v1/runner/status`, { method: 'POST', headers, body })).ok;
  });
  const key = randomUUID();
  const answer = await eventually(`what ${pod} joins with`, async () => {
    const got = await fetch(`${cell.issuer}/v1/runner/join`, {
      headers: { ...headers, 'idempotency-key': key },
    });
    if (isSettled(got)) return got;
    await sleep(500);
    throw new Error(`${got.status} ${await got.text()}`);
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return joinAnswer.parse(await answer.json()).files;
}

/** As the sidecar has it (fetch_join.ts): what says that it is not for good is asked for again, as the same call. */
function isSettled({ ok, status, headers }: Response): boolean {
  return ok || (status < 500 && status !== 401 && status !== 429 && !headers.has('retry-after'));
}

/** The part of a pool's spec that makes pods which no node takes: the test starts what runs in them. */
export const TEMPLATE = {
  spec: {
    nodeSelector: { 'harrier.dev/test': 'nowhere' },
    securityContext: { runAsNonRoot: true, runAsUser: 65_532 },
    containers: [{ name: 'runner', image: 'job.example.test/job:1' }],
  },
};

export function secretManifest(namespace: string, name: string, values: Record<string, string>) {
  const data = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, data: Object.fromEntries(data) };
}
