import type { ForgeRunner } from '../../forges/forge.ts';
import { isKubeError } from '../../kube/errors.ts';
import type { KubeClient } from '../../kube/types.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { writeTokenStatus } from '../token/token_status.ts';
import type { View } from '../view.ts';
import { failingAfter } from './back_off.ts';
import { type Forges, labelsOf, type PoolWithForge } from './forges.ts';
import type { KnownForge } from './known_forge.ts';
import { markOf } from './record_mark.ts';

export interface AskHands {
  client: Pick<KubeClient, 'applyStatus'>;
  view: View;
  forges: Forges;
  now(): Date;
}

/**
 * Asks the pool's forge for the records of its runners and for the queue, takes the answer in, and writes down at each
 * runner's token whether it has joined and whether its record is gone. False when the forge did not answer.
 */
export async function askForge(pool: PoolWithForge, hands: AskHands): Promise<boolean> {
  const { forges, now } = hands;
  const { uid } = pool.metadata;
  const known = forges.known(uid);
  const prefix = forges.prefixOf(uid);
  const beganMs = now().getTime();
  const unsure = [...known.unsure];
  known.removed.clear();
  // Only of these does an answer without their record say that it is gone.
  const noted = tokensOf(pool, hands.view).filter((one) => one.status?.forge !== undefined);
  try {
    const { forge } = await forges.refresh(pool);
    const [listed, queued] = await Promise.all([forge.list(prefix), forge.queued(labelsOf(pool))]);
    const records = listed.filter(({ id, name }) => name.startsWith(prefix) && !known.removed.has(id));
    known.look = { beganMs, records, queued };
    known.failing = undefined;
    remember(known, records, unsure, beganMs);
  } catch (error) {
    known.failing = failingAfter(known.failing, error, now().getTime(), Math.random());
    return false;
  }
  await Promise.all(noted.map((token) => mark(token, known.look?.records ?? [], hands)));
  return true;
}

/** Runner tokens of the pool's pods. */
export function tokensOf({ metadata }: PoolWithForge, view: View): RunnerToken[] {
  return view.pods.byIndex('pool', metadata.uid).flatMap((pod) => {
    const token = view.tokens.get(metadata.namespace, pod.metadata.name);
    return token?.spec.podRef?.uid === pod.metadata.uid ? [token] : [];
  });
}

function remember(
  known: KnownForge,
  records: readonly ForgeRunner[],
  unsure: readonly string[],
  nowMs: number,
): void {
  const names = new Set(records.map((one) => one.name));
  for (const { name, state } of records) if (state === 'Busy') known.busy.add(name);
  for (const [name, untilMs] of known.kept) if (untilMs <= nowMs) known.kept.delete(name);
  // Only of what was unsure before it was asked does the answer say anything.
  for (const name of unsure) if (!names.has(name)) known.unsure.delete(name);
}

async function mark(seen: RunnerToken, records: readonly ForgeRunner[], hands: AskHands): Promise<void> {
  const token = hands.view.tokens.byUid(seen.metadata.uid);
  const before = token?.status?.forge;
  // Another record since then: this answer knows nothing of it.
  if (token === undefined || before === undefined || before.id !== seen.status?.forge?.id) return;
  const forge = markOf(
    before,
    records.find((one) => one.id === before.id),
    hands.now(),
  );
  if (forge === undefined) return;
  try {
    await writeTokenStatus(token, { forge }, hands, { unchanged: true });
  } catch (error) {
    // Another write came first: the next answer says the same.
    if (!isKubeError(error, 'conflict', 'notFound')) throw error;
  }
}
