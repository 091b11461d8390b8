import { ForgeError } from '../../forges/forge_error.ts';
import { isKubeError } from '../../kube/errors.ts';
import { RunnerTokenKind } from '../../kube/kinds.ts';
import { joinAnswer } from '../../protocol/join.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken, RunnerTokenStatus } from '../../resources/runner_token.ts';
import { hasForge, type PoolWithForge } from '../forge/forges.ts';
import type { HandedOver } from '../handover.ts';
import { type RunnerPod, runnerPodKind } from '../kinds.ts';
import { writeTokenStatus } from '../token/token_status.ts';
import { isHeld } from './is_held.ts';
import type { RequestHands } from './serve_request.ts';

type Request = NonNullable<RunnerTokenStatus['request']>;

/** No replica waits for an answer for so long, in ms. */
const ABANDONED_MS = 20_000;
/** Another write to the token may come first so often. */
const WRITES = 5;
/** The runner asks again after so long where the forge did not say, in seconds. */
const RETRY_SECONDS = 5;

/**
 * Makes the runner's record in the forge and puts what it joins with into the hand-over. Which record it is stands in
 * the token's status first, with the request as answered: what breaks off in between leaves a record that is found by
 * its name, and that the runner's next request replaces, but never one that is removed while its runner joins with it.
 */
export async function serveJoinRequest(
  request: Request,
  seen: RunnerToken,
  pool: RunnerPool,
  hands: RequestHands,
): Promise<void> {
  const looked = await look(request, seen, hands);
  if (looked === undefined) return;
  const { token, pod } = looked;
  const { podRef } = token.spec;
  if (isAbandoned(request, hands)) return void (await write(request, token, {}, hands));
  if (!isHeld(token, 'join', pod, hands.view))
    return await refuse(request, token, { code: 'credential-not-held' }, hands);
  if (podRef === undefined || !hasForge(pool))
    return await refuse(request, token, { code: 'not-found' }, hands);
  try {
    await join(request, token, podRef.name, pool, hands);
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    hands.events.record(RunnerTokenKind, token, {
      type: 'Warning',
      reason: 'JoinFailed',
      message: `the runner can't join its forge (${error.reason}): ${error.message}`,
    });
    await refuse(request, token, unavailable(error), hands);
  }
}

async function join(
  request: Request,
  token: RunnerToken,
  podName: string,
  pool: PoolWithForge,
  hands: RequestHands,
): Promise<void> {
  const { uid } = token.metadata;
  const before = token.status?.forge !== undefined;
  const joining = await hands.forges.join(pool, podName, before, async ({ record, files }) => {
    const answer = joinAnswer.safeParse({ files });
    // No cause: it would quote the secret.
    if (!answer.success)
      throw new ForgeError('Unreadable', 'the forge’s answer makes no files for the runner');
    const forge = { id: record.id, name: record.name };
    return (await write(request, token, { forge }, hands)) ? { record, answer: answer.data } : undefined;
  });
  if (joining === undefined || isAbandoned(request, hands)) return;
  await hands.handover.put(uid, request.id, { join: JSON.stringify(joining.answer) });
  hands.lookAtForge(pool);
  hands.events.record(RunnerTokenKind, token, {
    type: 'Normal',
    reason: 'JoinHandedOut',
    message: `what attempt ${token.spec.attempt ?? 1} of the runner joins as ${joining.record.name} with is handed to it`,
  });
}

/**
 * Writes the request into the token's status as answered, with what else there is to say; false when it is not the
 * request any more, or the runner not the one that has asked it.
 */
async function write(
  request: Request,
  seen: RunnerToken,
  changes: Pick<RunnerTokenStatus, 'forge'>,
  hands: RequestHands,
): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    const looked = await look(request, seen, hands);
    if (looked === undefined) return false;
    if (changes.forge !== undefined && !isHeld(looked.token, 'join', looked.pod, hands.view)) return false;
    try {
      // A revocation that came meanwhile must not be written over.
      await writeTokenStatus(looked.token, { ...changes, served: request.id }, hands, { unchanged: true });
      return true;
    } catch (error) {
      if (!isKubeError(error, 'conflict') || attempt === WRITES) throw error;
    }
  }
}

/** Token and pod by what the apiserver says now: a copy may be a moment behind. */
async function look(
  request: Request,
  { metadata, spec }: RunnerToken,
  { client }: Pick<RequestHands, 'client'>,
): Promise<{ token: RunnerToken; pod: RunnerPod | undefined } | undefined> {
  const { namespace, name, uid } = metadata;
  const [token, pod] = await Promise.all([
    client.get(RunnerTokenKind, namespace, name),
    spec.podRef === undefined ? undefined : client.get(runnerPodKind, namespace, spec.podRef.name),
  ]);
  const status = token?.status;
  const asked = token?.metadata.uid === uid && status?.request?.id === request.id;
  return asked && status?.served !== request.id ? { token, pod } : undefined;
}

async function refuse(
  request: Request,
  token: RunnerToken,
  values: HandedOver,
  hands: RequestHands,
): Promise<void> {
  if (await write(request, token, {}, hands))
    await hands.handover.put(token.metadata.uid, request.id, values);
}

function unavailable({ reason, retryAfterMs }: ForgeError): HandedOver {
  const seconds = retryAfterMs === undefined ? RETRY_SECONDS : Math.ceil(retryAfterMs / 1000);
  return { code: 'unavailable', reason, retryAfter: String(Math.max(1, seconds)) };
}

function isAbandoned(request: Request, { now }: Pick<RequestHands, 'now'>): boolean {
  return now().getTime() - Date.parse(request.at) >= ABANDONED_MS;
}
