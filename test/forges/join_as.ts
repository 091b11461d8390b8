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
  const answer = await fetch(`${cell.issuer}/v1/runner/join`, { headers });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return joinAnswer.parse(await answer.json()).files;
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
