import type { Cluster } from '../cluster/cluster.ts';
import { buildGiteaRunnerImage } from '../image/gitea_runner.ts';
import { installHarrier, RUNNER_NAMESPACE } from '../install.ts';
import { step } from '../progress.ts';
import { addressForPods } from '../servers/gitea/address_for_pods.ts';
import type { GiteaClient } from '../servers/gitea/client.ts';
import { cachedFolderAction, exampleWorkflow, ORGANIZATION, WORKFLOW } from '../servers/gitea/example.ts';
import { whyNoGitea } from '../servers/gitea/server.ts';
import { type StandingGitea, standingGitea } from '../servers/gitea/standing.ts';
import { applyGiteaPool, idleInGitea, POOL } from './gitea_pool.ts';
import { loadImages } from './images.ts';
import { kubectl } from './kubectl.ts';
import { settledAfterUpgrade } from './settled.ts';

const APP = `${ORGANIZATION}/app`;
const REPLICAS = 2;

/** Why `make run FORGE=gitea` can't be done on this kind of cluster, or undefined where it can. */
export function whyNotOnGitea(kind: string): string | undefined {
  if (kind !== 'local')
    return `FORGE=gitea needs pods that reach this machine, where its Gitea runs: say CLUSTER=local (root on Linux), not ${kind}`;
  return whyNoGitea();
}

interface Built {
  pod: string;
  /** From the push to the end of the job. */
  seconds: number;
  hit: boolean;
  url: string;
}

/** A real Gitea, a pool of its organization, and a workflow pushed twice; prints what happened and where to look. */
export async function onGitea(cluster: Cluster): Promise<boolean> {
  const address = await addressForPods(cluster.name);
  if (address === undefined) throw new Error(`the network of the cluster ${cluster.name} is not there`);
  await step('the images and the chart', async (note) => {
    await installHarrier(cluster, note, { forgeHosts: [address] });
    await loadImages(cluster, [await buildGiteaRunnerImage(undefined, note)], note);
    await settledAfterUpgrade(cluster, note);
  });
  const gitea = await step('a real Gitea', (note) => standingGitea(cluster.name, address, note));
  await step(`the repositories ${APP} and ${ORGANIZATION}/cached-folder`, () => repositories(gitea.client));
  await step(`the pool ${POOL}, whose ${REPLICAS} runners join Gitea`, async (note) => {
    await applyGiteaPool(cluster, gitea, { replicas: REPLICAS });
    await idleInGitea(cluster, REPLICAS, note);
  });
  const built: Built[] = [];
  for (const time of ['first', 'second'])
    built.push(await step(`a workflow is pushed, for the ${time} time`, () => build(gitea.client)));
  await step('both runners are replaced', (note) => idleInGitea(cluster, REPLICAS, note));
  return tell(cluster, gitea, built);
}

async function repositories(client: GiteaClient): Promise<void> {
  const isThere = (path: string) =>
    client
      .ask('GET', path)
      .then(() => true)
      .catch(() => false);
  if (!(await isThere(`/orgs/${ORGANIZATION}`))) await client.organization(ORGANIZATION);
  if (!(await isThere(`/repos/${APP}`))) await client.repository(ORGANIZATION, 'app');
  if (!(await isThere(`/repos/${ORGANIZATION}/cached-folder`))) await cachedFolderAction(client);
}

async function build(client: GiteaClient): Promise<Built> {
  const began = performance.now();
  const files = { [WORKFLOW]: await exampleWorkflow(), 'pushed-at': new Date().toISOString() };
  const commit = await client.push(APP, files, 'Pushed by make run');
  const [job] = await client.ended(APP, commit, 1, 180_000);
  const seconds = (performance.now() - began) / 1000;
  const log = await client.log(APP, job?.id ?? 0);
  if (job?.conclusion !== 'success')
    throw new Error(`the job ended with ${job?.conclusion}:\n${log.slice(-3000)}`);
  const pod = /Z in the pod (\S+) of Harrier/.exec(log)?.[1] ?? '(unknown)';
  const { html_url } = await client.json<{ html_url: string }>(
    'GET',
    `/repos/${APP}/actions/runs/${job.run_id}`,
  );
  return { pod, seconds, hit: /cache hit = true/.test(log), url: html_url };
}

async function tell(
  cluster: Cluster,
  { url, admin }: StandingGitea,
  built: readonly Built[],
): Promise<boolean> {
  const [first, second] = built;
  const lines = built.map(
    ({ pod, seconds, hit, url: run }) =>
      `ran in the pod ${pod}, ${seconds.toFixed(1)} s from push to end, cache ${hit ? 'hit' : 'miss'}: ${run}`,
  );
  console.log(`
${await kubectl(cluster, ['-n', RUNNER_NAMESPACE, 'get', 'rp,rt,pods'])}
${lines.join('\n')}

Gitea     ${url} as ${admin.name}, password ${admin.password}

Next:
  export KUBECONFIG=${cluster.kubeconfig} PATH=${cluster.kubectl.replace(/\/kubectl$/, '')}:$PATH
  kubectl -n ${RUNNER_NAMESPACE} get rp/${POOL} -o jsonpath='{.status.forge}'
  kubectl -n ${RUNNER_NAMESPACE} get rt --watch   # and push to ${url}/${APP}`);
  return first?.pod !== second?.pod && second?.hit === true;
}
