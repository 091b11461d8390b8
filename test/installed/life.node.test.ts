import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { useCluster } from '../support/cluster.ts';
import { poolsOn } from './pool_on_node.ts';

const cluster = useCluster();
const pools = poolsOn(cluster);
afterAll(() => pools.remove(), 400_000);

const busy = (pod: string) =>
  pools.inRunner(
    pod,
    ...['node', '-e'],
    `fetch(process.env.HARRIER_URL + 'v1/runner/status', {
       method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"state":"Busy"}',
     }).then((a) => { if (!a.ok) process.exitCode = 1; })`,
  );

describe('a pool on a real node', { timeout: 400_000 }, () => {
  it('is scaled by kubectl scale, keeps its busy runner, and goes without leaving anything', async () => {
    await pools.apply('alive', { replicas: 3 });
    const [working = ''] = await pools.runners('alive', 3);
    await busy(working);
    await pools.runners('alive', 1, 'Busy');
    const row = (await pools.kubectl('get', 'rp', 'alive', '--no-headers')).trim().split(/\s+/);
    expect(row.slice(0, 6)).toEqual(['alive', '3', '3', '2', '1', 'none']);

    await pools.kubectl('scale', 'rp/alive', '--replicas=0');
    await pools.runners('alive', 0, 'Idle');
    await sleep(3000);
    expect(await pools.runners('alive', 1, 'Busy')).toEqual([working]);

    await pools.kubectl('delete', 'rp', 'alive', '--wait=false');
    await sleep(3000);
    // Deleted, and still there until its busy runner has finished.
    expect(await pools.runners('alive', 1, 'Busy')).toEqual([working]);
    await pools.kubectl('delete', 'pod', working, '--grace-period=1');
    await pools.kubectl('wait', '--for=delete', 'rp/alive', '--timeout=120s', { timeoutMs: 130_000 });
    // What the pods and the pool own, Kubernetes collects after them.
    await expect
      .poll(() => pools.kubectl('get', 'pods,rt,secrets', '-l', 'harrier.dev/pool=alive', '-o', 'name'), {
        timeout: 60_000,
      })
      .toBe('');
  });

  it('replaces its idle runners at once when the template changes', async () => {
    await pools.apply('changing', { replicas: 2 });
    const before = await pools.runners('changing', 2);
    await pools.kubectl(
      ...['patch', 'rp', 'changing', '--type=merge', '-p'],
      '{"spec":{"template":{"metadata":{"labels":{"version":"two"}}}}}',
    );
    await expect
      .poll(() => pools.kubectl('get', 'pods', '-l', 'harrier.dev/pool=changing,version=two', '-o', 'name'), {
        timeout: 120_000,
      })
      .toMatch(/pod\/.*\n.*pod\//s);
    // The end of the old ones is written after the new ones are made: until then they are still said to be idle.
    await expect
      .poll(async () => (await pools.runners('changing', 2)).filter((name) => before.includes(name)), {
        timeout: 150_000,
      })
      .toEqual([]);
  });

  it('says why a runner did not start, and tries again', async () => {
    await pools.apply('broken', {
      replicas: 1,
      template: brokenTemplate,
      lifecycle: { startupTimeout: '20s', maxAttempts: 1, backoff: { initial: '1s', max: '2s' } },
    });
    await pools.kubectl('wait', 'rp/broken', '--for=condition=Degraded', '--timeout=120s', {
      timeoutMs: 130_000,
    });
    // Events are written beside the status, and not before it.
    await expect
      .poll(() => pools.kubectl('get', 'events', '--field-selector', 'involvedObject.name=broken'), {
        timeout: 60_000,
      })
      .toMatch(/RunnerStartFailed/);
    const attempt = await pools.kubectl(
      'get',
      'rp',
      'broken',
      '-o',
      'jsonpath={.status.failures[0].attempt}',
    );
    expect(Number(attempt)).toBeGreaterThanOrEqual(1);
  });
});

const brokenTemplate = {
  spec: {
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'runner',
        image: 'harrier-demo-job:dev',
        imagePullPolicy: 'IfNotPresent',
        command: ['node', '-e', 'console.error("no such forge"); process.exit(3)'],
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  },
};
