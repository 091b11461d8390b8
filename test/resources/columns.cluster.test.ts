import { expect, test } from 'vitest';
import { aRegistration, aRunner } from '../cli/registrations.ts';
import { useCluster } from '../support/cluster.ts';
import { create, tokenManifest } from './pool_manifest.ts';

const cluster = useCluster();
const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();

test('kubectl get rt reads well for tokens of both types', async () => {
  const { uid } = await aRegistration(cluster, 'door', {
    spec: { expiresAt: '2030-01-01T00:00:00Z', description: 'for the Macs' },
    status: { phase: 'Active', uses: 3, lastUsedBy: 'mac-1', lastUsedAt: ago(300), reason: 'Ready' },
  });
  await aRunner(
    cluster,
    'mac-1',
    { name: 'door', uid },
    { expiresAt: '2029-01-01T00:00:00Z', runner: { state: 'Busy', since: ago(10) } },
  );
  await create(cluster, tokenManifest('linux-0', { podRef: { name: 'linux-0', uid: 'u' }, attempt: 2 }));

  expect(await printed()).toEqual([
    ['NAME', 'TYPE', 'POOL', 'RUNNER', 'USAGE', 'USES', 'LAST USED BY', 'PHASE', 'EXPIRES'],
    ['door', 'Registration', 'linux', '', 'Reusable', '3', 'mac-1', 'Active', '2030-01-01T00:00:00Z'],
    ['linux-0', 'Runtime', 'pool', 'linux-0', '', '', '', '', ''],
    ['runner-mac-1', 'Runtime', 'linux', 'mac-1', '', '', '', 'Active', '2029-01-01T00:00:00Z'],
  ]);
  const wide = (await printed('-o', 'wide')).map((row) => row.slice(9));
  const age = expect.stringMatching(/^\d+s$/);
  expect(wide).toEqual([
    ['STATE', 'LAST USED', 'ATTEMPT', 'REASON', 'AGE', 'DESCRIPTION'],
    ['', expect.stringMatching(/^5m\d*s?$/), '', 'Ready', age, 'for the Macs'],
    ['', '', '2', '', age, ''],
    ['Busy', '', '', '', age, ''],
  ]);
});

/** The table's cells, cut where its titles begin. */
async function printed(...args: string[]): Promise<string[][]> {
  const [head = '', ...rows] = (await cluster.kubectl('get', 'rt', ...args)).trimEnd().split('\n');
  const starts = [...head.matchAll(/\S+( \S+)*/g)].map(({ index }) => index);
  return [head, ...rows].map((row) => starts.map((start, i) => row.slice(start, starts[i + 1]).trim()));
}
