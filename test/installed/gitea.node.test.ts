import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findCluster } from '../../hack/cluster/cluster_up.ts';
import { buildGiteaRunnerImage } from '../../hack/image/gitea_runner.ts';
import { RUNNER_NAMESPACE, SYSTEM_NAMESPACE } from '../../hack/install.ts';
import { portForward } from '../../hack/run/command.ts';
import { addressForPods } from '../../hack/servers/gitea/address_for_pods.ts';
import { cachedFolderAction, exampleWorkflow, WORKFLOW } from '../../hack/servers/gitea/example.ts';
import { type GiteaServer, startGitea, whyNoGitea } from '../../hack/servers/gitea/server.ts';
import type { EntityScope } from '../../src/resources/entity.ts';
import { BUILD_TIMEOUT } from '../clients/build_client.ts';
import { useCluster } from '../support/cluster.ts';
import { poolsOn } from './pool_on_node.ts';

const address = await addressForPods(process.env.HARRIER_TEST_CLUSTER ?? '');
const reason = whyNoGitea() ?? (address === undefined ? 'its pods reach nothing on this machine' : undefined);
const POOL = parse(readFileSync(new URL('../../examples/gitea/pool.yaml', import.meta.url), 'utf8')).spec;
const APP = 'acme/app';
/** The pools' cache may outlive a run of these tests. */
const RUN = randomBytes(6).toString('hex');

describe.skipIf(reason !== undefined)(`pools at a real Gitea${reason ? ` (${reason})` : ''}`, () => {
  const cluster = useCluster();
  const pools = poolsOn(cluster);
  let gitea: GiteaServer;
  let api: Awaited<ReturnType<typeof portForward>>;
  beforeAll(async () => {
    const kubectl = process.env.HARRIER_TEST_KUBECTL ?? 'kubectl';
    api = await portForward(kubectl, cluster.kubeconfig, SYSTEM_NAMESPACE, 'service/harrier-api', 80);
    const image = await buildGiteaRunnerImage();
    await (await findCluster(process.env.HARRIER_TEST_CLUSTER ?? ''))?.loadImage(image.file);
    gitea = await startGitea({ address: address ?? '' });
    await gitea.client.organization('acme');
    await gitea.client.repository('acme', 'app');
    await cachedFolderAction(gitea.client);
    const secret = ['create', 'secret', 'generic', 'gitea', `--from-literal=token=${gitea.token}`];
    await pools.kubectl('delete', 'secret', 'gitea', '--ignore-not-found');
    await pools.kubectl(...secret);
  }, BUILD_TIMEOUT);
  afterAll(async () => {
    await pools.remove();
    await gitea?.stop();
    await api?.[Symbol.asyncDispose]();
  }, 400_000);

  const apply = (name: string, scope: EntityScope, replicas: number, label = name) => {
    const forge = { ...POOL.forge, url: gitea.url, scope, labels: [label], pollInterval: '2s' };
    return pools.apply(name, { ...POOL, replicas, forge });
  };
  const onLabel = async (label: string) =>
    (await exampleWorkflow())
      .replace('runs-on: linux', `runs-on: ${label}`)
      .replace('key: deps-v1', `key: ${RUN}`);
  const records = async () => (await gitea.client.runners()).map(({ name }) => name);
  const recordOf = async (pod: string) => (await records()).find((name) => name.endsWith(pod));
  const podIn = (log: string) => /Z in the pod (\S+) of Harrier/.exec(log)?.[1];
  const isThere = async (pod: string) =>
    (await pools.kubectl('get', 'pod', pod, '--ignore-not-found', '-o', 'name')) !== '';
  const ask = async (token: string) =>
    (await fetch(`${api.url}/v1/runner`, { headers: { authorization: `Bearer ${token}` } })).status;

  it.each([
    ['instance', { type: 'instance' }, ['false', 'true']],
    ['organization', { type: 'organization', name: 'acme' }, ['false']],
    ['repository', { type: 'repository', name: APP }, ['false']],
  ] as const)(
    'runs a pushed workflow in a pod of its own, at the %s',
    { timeout: 480_000 },
    async (kind, scope, wanted) => {
      const name = `on-${kind}`;
      await apply(name, scope, 1);
      const hits: unknown[] = [];
      // A miss, and where it is asked twice then a hit of what the first one saved.
      for (const time of wanted.keys()) {
        const [pod = ''] = await pools.runners(name, 1);
        const token = await pools.token(pod);
        expect(await ask(token)).toBe(200);
        expect(await recordOf(pod)).toMatch(/^harrier-[0-9a-f]{12}-/);

        const commit = await gitea.client.push(
          APP,
          { [WORKFLOW]: await onLabel(name), [name]: String(time) },
          `${name} ${time}`,
        );
        const [job] = await gitea.client.ended(APP, commit, 1, 180_000);
        const log = await gitea.client.log(APP, job?.id ?? 0);
        expect(job, log).toMatchObject({ conclusion: 'success' });
        expect(podIn(log)).toBe(pod);
        hits.push(/cache hit = (\w+)/.exec(log)?.[1]);

        // Its record has gone with its job, and its token goes with its pod.
        await expect.poll(() => recordOf(pod), { timeout: 60_000 }).toBeUndefined();
        await expect.poll(() => ask(token), { timeout: 60_000 }).toBe(401);
      }
      expect(hits).toEqual(wanted);
      await pools.kubectl('scale', `rp/${name}`, '--replicas=0');
    },
  );

  it('works off twenty jobs with four runners, each job in a pod of its own', {
    timeout: 400_000,
  }, async () => {
    await apply('many', { type: 'organization', name: 'acme' }, 4);
    await pools.runners('many', 4);
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    const steps = [{ run: 'echo "in the pod $(hostname) of Harrier"' }];
    const job = {
      'runs-on': 'many',
      strategy: { matrix: { number: numbers } },
      defaults: { run: { shell: 'sh' } },
      steps,
    };
    const commit = await gitea.client.push(
      APP,
      { [WORKFLOW]: JSON.stringify({ on: 'push', jobs: { job } }) },
      'many',
    );
    const jobs = await gitea.client.ended(APP, commit, 20, 360_000);
    expect(jobs.map(({ conclusion }) => conclusion)).toEqual(numbers.map(() => 'success'));
    const pods = await Promise.all(jobs.map(async ({ id }) => podIn(await gitea.client.log(APP, id))));
    expect(new Set(pods).size).toBe(20);
    expect(pods).not.toContain(undefined);
    await pools.kubectl('scale', 'rp/many', '--replicas=0');
  });

  it('fails the job of a busy runner whose pod is deleted, and replaces the runner', {
    timeout: 480_000,
  }, async () => {
    await apply('deleted', { type: 'organization', name: 'acme' }, 1);
    const [pod = ''] = await pools.runners('deleted', 1);
    const steps = [{ run: 'echo begun; sleep 600' }];
    const job = { 'runs-on': 'deleted', defaults: { run: { shell: 'sh' } }, steps };
    const commit = await gitea.client.push(
      APP,
      { [WORKFLOW]: JSON.stringify({ on: 'push', jobs: { job } }) },
      'long',
    );
    const busy = ['get', 'rp', 'deleted', '-o', 'jsonpath={.status.busyReplicas}'];
    await expect.poll(() => pools.kubectl(...busy), { timeout: 120_000 }).toBe('1');
    await pools.kubectl('delete', 'pod', pod, '--wait=false');
    const [ended] = await gitea.client.ended(APP, commit, 1, 120_000);
    expect(ended).toMatchObject({ conclusion: 'failure' });
    const [next] = await pools.runners('deleted', 1, 'Idle');
    expect(next).not.toBe(pod);
    await expect.poll(() => isThere(pod), { timeout: 60_000 }).toBe(false);
    await expect.poll(() => recordOf(pod), { timeout: 60_000 }).toBeUndefined();
    expect(await recordOf(next ?? '')).toBeDefined();
  });

  it('tells why a runner never joins in its own last words, and tries on', { timeout: 360_000 }, async () => {
    const [runner] = POOL.template.spec.containers;
    const command = ['sh', '-c', 'echo the road to the forge is closed; exec sleep 600'];
    const template = { spec: { ...POOL.template.spec, containers: [{ ...runner, command }] } };
    const lifecycle = { startupTimeout: '15s', maxAttempts: 2, backoff: { initial: '1s', max: '2s' } };
    const forge = { ...POOL.forge, url: gitea.url, labels: ['silent'], pollInterval: '2s' };
    await pools.apply('silent', { ...POOL, replicas: 1, forge, template, lifecycle });
    const told = ['get', 'rp', 'silent', '-o', 'jsonpath={.status.conditions[?(@.type=="Degraded")]}'];
    await expect
      .poll(async () => JSON.parse((await pools.kubectl(...told)) || '{}'), { timeout: 120_000 })
      .toMatchObject({
        status: 'True',
        message: expect.stringMatching(/had not joined its forge.*the road to the forge is closed/s),
      });
    const attempts = ['get', 'rp', 'silent', '-o', 'jsonpath={.status.failures[0].attempt}'];
    await expect
      .poll(async () => Number(await pools.kubectl(...attempts)), { timeout: 60_000 })
      .toBeGreaterThan(2);
    // Each failed start's record has gone with it.
    await expect
      .poll(async () => (await records()).filter((name) => name.includes('silent')).length, {
        timeout: 60_000,
      })
      .toBeLessThanOrEqual(1);
    await pools.kubectl('scale', 'rp/silent', '--replicas=0');
  });

  it('leaves no record behind when its pools are gone', { timeout: 360_000 }, async () => {
    await pools.remove();
    await expect.poll(records, { timeout: 60_000 }).toEqual([]);
    await expect
      .poll(
        () =>
          pools.kubectl('get', 'pods', '-n', RUNNER_NAMESPACE, '-l', 'harrier.dev/pool=many', '-o', 'name'),
        { timeout: 60_000 },
      )
      .toBe('');
  });
});
