import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { RUNNER_NAMESPACE } from '../../hack/install.ts';
import { FIRST_POOL } from '../../hack/run/pool.ts';
import { tokenSecretName } from '../../src/resources/group.ts';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import type { TestCluster } from '../support/cluster.ts';

/** What a test on an installed Harrier asks of it: everything is in the namespace whose pools the chart serves. */
export function poolsOn(cluster: TestCluster) {
  const inNamespace = (...args: Parameters<TestCluster['kubectl']>) =>
    cluster.kubectl('--namespace', RUNNER_NAMESPACE, ...args);
  const made: string[] = [];

  async function tokens(pool: string): Promise<RunnerToken[]> {
    const list = JSON.parse(await inNamespace('get', 'rt', '-o', 'json')) as { items: RunnerToken[] };
    return list.items.filter((token) => token.spec.poolRef.name === pool);
  }

  /** What the pool itself says: a runner is idle only when its container runs. */
  const counted = async (pool: string, state: 'Idle' | 'Busy'): Promise<number> => {
    const field = state === 'Idle' ? 'idleReplicas' : 'busyReplicas';
    return Number(await inNamespace('get', 'rp', pool, '-o', `jsonpath={.status.${field}}`));
  };

  return {
    kubectl: inNamespace,
    tokens,

    /** The README's first pool under another name, with its spec changed. */
    async apply(name: string, change: Record<string, unknown> = {}): Promise<void> {
      const pool = parse(readFileSync(FIRST_POOL, 'utf8'));
      const manifest = {
        ...pool,
        metadata: { name, namespace: RUNNER_NAMESPACE },
        spec: { ...pool.spec, ...change },
      };
      made.push(name);
      await inNamespace('apply', '--server-side', '-f', '-', {
        input: JSON.stringify(manifest),
      });
    },

    /** Names of the pool's runners in that state, as soon as there are exactly so many. */
    async runners(
      pool: string,
      count: number,
      state: 'Idle' | 'Busy' = 'Idle',
      timeoutMs = 150_000,
    ): Promise<string[]> {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const found = (await tokens(pool)).filter(
          ({ status }) => status?.phase === 'Active' && status.runner?.state === state,
        );
        if (found.length === count && (await counted(pool, state)) === count)
          return found.map(({ metadata }) => metadata.name);
        if (Date.now() > deadline)
          throw new Error(
            `${found.length} of ${count} runners ${state}:\n${await inNamespace('get', 'rp,rt,pods')}`,
          );
        await sleep(250);
      }
    },

    async token(pod: string): Promise<string> {
      const secret = tokenSecretName(pod);
      const encoded = await inNamespace('get', 'secret', secret, '-o', 'jsonpath={.data.token}');
      return Buffer.from(encoded, 'base64').toString();
    },

    /** Runs a program in the runner container, where the job runs. */
    inRunner: (pod: string, ...command: string[]) =>
      inNamespace('exec', pod, '-c', 'runner', '--', ...command),

    async remove(): Promise<void> {
      for (const name of made)
        await inNamespace(
          'patch',
          'rp',
          name,
          '--type=merge',
          '-p',
          '{"spec":{"lifecycle":{"onDelete":"Delete"}}}',
        )
          // Its pods may take all of their grace.
          .then(() => inNamespace('delete', 'rp', name, '--timeout=120s', { timeoutMs: 130_000 }))
          .catch((error: Error) => {
            if (!/not ?found/i.test(error.message)) throw error;
          });
    },
  };
}

export type PoolsOn = ReturnType<typeof poolsOn>;
