import type { Cluster } from '../cluster/cluster.ts';
import { RUNNER_NAMESPACE } from '../install.ts';
import type { Note } from '../progress.ts';
import { kubectl } from './kubectl.ts';
import { idleRunners } from './pool.ts';

const MEBIBYTES = 64;

/** What the demo's jobs print as their last line. */
export interface Outcome {
  saved: { pod: string; bytes: number; mbPerSecond: number };
  restored: { pod: string; hit: boolean; intact: boolean; bytes: number; mbPerSecond: number };
}

/** One runner saves a folder with the unmodified @actions/cache, another restores it. */
export async function cacheJob(cluster: Cluster, take: TakeJob, note: Note): Promise<Outcome> {
  const [first = '', second = ''] = await idleRunners(cluster, 2, note);
  const key = `first-${Date.now().toString(36)}`;
  note(`${first} saves ${MEBIBYTES} MiB`);
  const saved = result(await take(first, ['save', key, String(MEBIBYTES)]));
  note(`${second} restores them`);
  const restored = result(await take(second, ['restore', key]));
  return {
    saved: { pod: first, ...(saved as Omit<Outcome['saved'], 'pod'>) },
    restored: { pod: second, ...(restored as Omit<Outcome['restored'], 'pod'>) },
  };
}

/** Hands a job to the runner of that pod; answers what the job printed. */
export type TakeJob = (pod: string, job: readonly string[]) => Promise<string>;

/** The runner is a process in the pod: kubectl exec reaches it. */
export const takeInPod =
  (cluster: Cluster): TakeJob =>
  (pod, job) =>
    kubectl(cluster, [
      ...['-n', RUNNER_NAMESPACE, 'exec', pod, '-c', 'runner', '--'],
      ...['node', '/job/take.mjs', ...job],
    ]);

/** The JSON line that a job prints last. */
function result(printed: string): unknown {
  const last = printed
    .trim()
    .split('\n')
    .findLast((line) => line.startsWith('{'));
  if (last === undefined) throw new Error(`the job printed no result:\n${printed}`);
  return JSON.parse(last);
}
