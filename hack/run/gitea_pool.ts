import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import type { Cluster } from '../cluster/cluster.ts';
import { RUNNER_NAMESPACE } from '../install.ts';
import type { Note } from '../progress.ts';
import type { PreparedGitea } from '../servers/gitea/server.ts';
import { kubectl } from './kubectl.ts';
import { applyPool } from './pool.ts';

export const GITEA_POOL = new URL('../../examples/gitea/pool.yaml', import.meta.url).pathname;
export const POOL = 'linux';
const SECRET = 'gitea';
const PATIENCE_MS = 180_000;

/** Applies examples/gitea/pool.yaml at this Gitea, with the Secret that it names. */
export async function applyGiteaPool(
  cluster: Cluster,
  gitea: Pick<PreparedGitea, 'url' | 'token'>,
  change: { replicas?: number; pollInterval?: string; autoscaling?: unknown } = {},
): Promise<void> {
  const metadata = { name: SECRET, namespace: RUNNER_NAMESPACE };
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { token: gitea.token } };
  const apply = ['apply', '--server-side', '--force-conflicts', '--field-manager', 'harrier-run', '-f', '-'];
  await kubectl(cluster, apply, JSON.stringify(secret));
  const pool = parse(await readFile(GITEA_POOL, 'utf8'));
  const { pollInterval, ...spec } = change;
  const forge = { ...pool.spec.forge, url: gitea.url, ...(pollInterval !== undefined && { pollInterval }) };
  await applyPool(cluster, JSON.stringify({ ...pool, spec: { ...pool.spec, ...spec, forge } }));
}

/** Waits until so many runners of the pool are idle: connected to Gitea, and without a job. */
export async function idleInGitea(cluster: Cluster, wanted: number, note: Note): Promise<void> {
  const get = ['-n', RUNNER_NAMESPACE, 'get', 'rp', POOL, '-o', 'jsonpath={.status.idleReplicas}'];
  for (const began = Date.now(); ; await sleep(250)) {
    const idle = Number(await kubectl(cluster, get));
    if (idle === wanted) return;
    note(`${idle} of ${wanted} runners idle`);
    if (Date.now() - began > PATIENCE_MS) {
      const seen = await kubectl(cluster, ['-n', RUNNER_NAMESPACE, 'describe', 'rp', POOL]);
      throw new Error(`${wanted} runners did not become idle:\n${seen.slice(-2500)}`);
    }
  }
}
