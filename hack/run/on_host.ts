import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { bundle } from '../bundle.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { freePorts } from '../cluster/free_ports.ts';
import { SIMULATED_NODE_SELECTOR, startSimulatedNodes } from '../cluster/simulated_nodes/start.ts';
import { namespaces, RUNNER_NAMESPACE, SYSTEM_NAMESPACE } from '../install.ts';
import { startProgram } from '../program.ts';
import { type Note, step } from '../progress.ts';
import { run } from './command.ts';
import { startOnHost } from './host_processes.ts';
import { cacheJob } from './job.ts';
import { kubectl } from './kubectl.ts';
import { applyPool, FIRST_POOL, idleRunners, runnersOf } from './pool.ts';
import { readToken, tokenRefusal } from './refusal.ts';
import type { Tell } from './report.ts';
import type { Started } from './started.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

/**
 * The same where no node runs pods: the pods are on simulated nodes, and what would run in them runs on this machine,
 * with the pods' own tokens. It ends with `make run`; only the objects stay.
 */
export async function onHost(cluster: Cluster, tell: Tell): Promise<boolean> {
  await using opened = new AsyncDisposableStack();
  const scratch = await mkdtemp(join(tmpdir(), 'harrier-run-'));
  opened.defer(() => rm(scratch, { recursive: true, force: true }));
  const apiUrl = await step('controller and api on this machine', async (note) => {
    await bundle();
    await startSimulatedNodes(cluster, 1, note);
    await kubectl(cluster, ['apply', '--server-side', '-f', join(ROOT, 'crds')]);
    await kubectl(cluster, [
      'wait',
      '--for=condition=Established',
      '--timeout=30s',
      '-f',
      join(ROOT, 'crds'),
    ]);
    await namespaces(cluster, [SYSTEM_NAMESPACE, RUNNER_NAMESPACE]);
    const options = {
      namespace: SYSTEM_NAMESPACE,
      runnerNamespaces: [RUNNER_NAMESPACE],
      apis: 1,
      scratch,
    };
    const host = opened.use(await startOnHost(cluster, options));
    return host.apis[0]?.url ?? '';
  });
  const sidecars = new Map<string, { url: string; process: Started }>();
  opened.defer(async () => {
    for (const { process } of sidecars.values()) await process[Symbol.asyncDispose]();
  });
  const fill = async (note: Note) => {
    for (const pod of await runnersOf(cluster, 3, note))
      if (!sidecars.has(pod)) sidecars.set(pod, await startSidecar(cluster, pod, apiUrl, scratch));
    await idleRunners(cluster, 3, note);
  };

  await step('a pool of 3 on simulated nodes', async (note) => {
    await applyPool(cluster, await simulatedPool());
    await fill(note);
  });
  const outcome = await step('a job saves 64 MiB as one runner, another restores them', (note) =>
    cacheJob(cluster, (pod, job) => takeOnHost(sidecars.get(pod)?.url ?? '', job, scratch), note),
  );
  const refusal = await step("a runner's pod is deleted", (note) => tokenRefusal(cluster, apiUrl, note));
  await step('the pool fills up again', fill);
  return await tell({ ...outcome, refusal });
}

async function simulatedPool(): Promise<string> {
  const pool = parse(await readFile(FIRST_POOL, 'utf8'));
  pool.spec.template.spec.nodeSelector = SIMULATED_NODE_SELECTOR;
  return stringify(pool);
}

async function startSidecar(cluster: Cluster, pod: string, apiUrl: string, scratch: string) {
  const tokenFile = join(scratch, `${pod}.token`);
  await writeFile(tokenFile, await readToken(cluster, pod), { mode: 0o600 });
  const [port = 0] = await freePorts(1);
  const process_ = startProgram('sidecar', {
    HARRIER_API_URL: apiUrl,
    HARRIER_TOKEN_FILE: tokenFile,
    HARRIER_PORT: String(port),
  });
  await process_.line(/sidecar serves/);
  return { url: `http://127.0.0.1:${port}/`, process: process_ };
}

/** The demo's job as a process of this machine, with the environment that a runner container gets. */
async function takeOnHost(sidecarUrl: string, [job = '', ...args]: readonly string[], scratch: string) {
  const workspace = join(scratch, 'workspace');
  await mkdir(workspace, { recursive: true });
  return await run(process.execPath, [join(ROOT, 'examples', 'demo-job', `${job}.mjs`), ...args], {
    cwd: workspace,
    env: {
      HARRIER_URL: sidecarUrl,
      ACTIONS_RESULTS_URL: sidecarUrl,
      ACTIONS_CACHE_SERVICE_V2: 'true',
      ACTIONS_RUNTIME_TOKEN: 'placeholder',
      GITHUB_WORKSPACE: workspace,
      RUNNER_TEMP: scratch,
    },
  });
}
