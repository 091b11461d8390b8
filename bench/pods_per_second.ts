import { PodKind, RunnerTokenKind, SecretKind } from '../src/kube/kinds.ts';
import type { Manifest } from '../src/kube/types.ts';
import { API_VERSION, tokenSecretName } from '../src/resources/group.ts';
import type { Lab } from './lab.ts';
import { applyPool, watchPods } from './pool.ts';
import { type Figure, median } from './statistics.ts';

const RUNNERS = 200;
const ROUNDS = 3;
const AT_ONCE = 32;

/** The four writes of one runner, by hand: what the pool makes, with nothing decided, counted or checked. */
async function bareRunner(lab: Lab, name: string, spec: unknown, jwt: string): Promise<void> {
  const namespace = lab.bareNamespace;
  const pod = await lab.client.create(PodKind, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec,
  } as Manifest);
  const owner = { apiVersion: 'v1', kind: 'Pod', name, uid: pod.metadata.uid };
  const identity = {
    podRef: { name, uid: pod.metadata.uid },
    poolRef: { name: 'bare', uid: 'bare' },
    audiences: ['bench'],
  };
  const token = { apiVersion: API_VERSION, kind: 'RunnerToken', metadata: { name, namespace } };
  await lab.client.create(RunnerTokenKind, {
    ...token,
    metadata: { ...token.metadata, ownerReferences: [owner] },
    spec: identity,
  });
  await lab.client.create(SecretKind, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: tokenSecretName(name), namespace, ownerReferences: [owner] },
    data: { token: Buffer.from(jwt).toString('base64') },
  });
  const now = new Date().toISOString();
  await lab.client.applyStatus(
    RunnerTokenKind,
    {
      ...token,
      status: {
        phase: 'Active',
        issuedAt: now,
        expiresAt: now,
        refreshAt: now,
        secretRef: { name: tokenSecretName(name) },
      },
    },
    { fieldManager: 'bench' },
  );
}

/** Makes all of them, at most AT_ONCE under way. */
async function bareLoop(lab: Lab, round: number, spec: unknown, jwt: string): Promise<void> {
  let next = 0;
  const lane = async () => {
    // No name of an earlier round, whose tokens may still wait to be collected.
    while (next < RUNNERS) await bareRunner(lab, `bare-${round}-${next++}`, spec, jwt);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

/** Pods brought to Running a second, a pool of 200 against the bare loop of the same creates, in turn. */
export async function podsPerSecond(lab: Lab, note: (text: string) => void): Promise<Figure[]> {
  const inPool = await watchPods(lab, lab.namespace);
  const inBare = await watchPods(lab, lab.bareNamespace);
  const rates: { pool: number[]; bare: number[] } = { pool: [], bare: [] };
  for (let round = 1; round <= ROUNDS; round++) {
    note(`round ${round} of ${ROUNDS}: the pool`);
    let started = performance.now();
    await applyPool(lab, 'burst', RUNNERS);
    await inPool.running(RUNNERS);
    rates.pool.push(RUNNERS / ((performance.now() - started) / 1000));
    const sample = inPool.pods()[0];
    if (sample === undefined) throw new Error('the pool has no pod');
    const { nodeName: _scheduled, ...spec } = sample.spec as Record<string, unknown>;
    await applyPool(lab, 'burst', 0);
    await inPool.none();

    note(`round ${round} of ${ROUNDS}: the bare loop`);
    started = performance.now();
    await Promise.all([bareLoop(lab, round, spec, 'x'.repeat(900)), inBare.running(RUNNERS)]);
    rates.bare.push(RUNNERS / ((performance.now() - started) / 1000));
    for (const pod of inBare.pods())
      await lab.client.delete(PodKind, lab.bareNamespace, pod.metadata.name, { gracePeriodSeconds: 0 });
    await inBare.none();
  }
  await Promise.all([inPool.stop(), inBare.stop()]);
  const ratio = median(rates.pool.map((rate, round) => rate / (rates.bare[round] ?? Number.NaN)));
  return [
    {
      name: `pool of ${RUNNERS} to Running, ratio to a bare loop`,
      value: `${ratio.toFixed(2)}  (${median(rates.pool).toFixed(0)}/s against ${median(rates.bare).toFixed(0)}/s, ${ROUNDS} rounds)`,
      goal: { text: '>= 0.7', met: ratio >= 0.7 },
    },
  ];
}
