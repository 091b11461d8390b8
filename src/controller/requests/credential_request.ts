import { forHolder } from '../../credentials/holder.ts';
import { sameRecorded } from '../../credentials/recorded.ts';
import type { EventText } from '../../kube/events.ts';
import { RunnerTokenKind } from '../../kube/kinds.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken, RunnerTokenStatus } from '../../resources/runner_token.ts';
import { runnerOf } from '../../tokens/build_claims.ts';
import { ownerOfRunner } from '../credentials/owner.ts';
import type { HandedOver } from '../handover.ts';
import { runnerPodKind } from '../kinds.ts';
import { writeTokenStatus } from '../token/token_status.ts';
import { isHeld } from './is_held.ts';
import type { RequestHands } from './serve_request.ts';

type Request = NonNullable<RunnerTokenStatus['request']>;

/** No replica waits for an answer for so long, in ms. */
const ABANDONED_MS = 30_000;

/**
 * Puts the supplied credential into the hand-over for the api that asks on a runner's behalf, or why it gets none. It is
 * read from its Secret at this moment, judged, and forgotten: the copy in the hand-over is the only one there ever is.
 */
export async function serveCredentialRequest(
  request: Request,
  seen: RunnerToken,
  pool: RunnerPool,
  hands: RequestHands,
): Promise<void> {
  const { namespace, name, uid } = seen.metadata;
  // The lock is judged by what the apiserver says now: a copy may be a moment behind.
  const { podRef } = seen.spec;
  const [token, pod] = await Promise.all([
    hands.client.get(RunnerTokenKind, namespace, name),
    podRef === undefined ? undefined : hands.client.get(runnerPodKind, namespace, podRef.name),
  ]);
  if (token === undefined || token.metadata.uid !== uid || token.status?.request?.id !== request.id) return;

  if (hands.now().getTime() - Date.parse(request.at) < ABANDONED_MS) {
    const answer = isHeld(token, 'credential', pod, hands.view)
      ? await answerFor(token, pool, hands)
      : refused('credential-not-held');
    await hands.handover.put(uid, request.id, answer.values);
    if (answer.event !== undefined) hands.events.record(RunnerTokenKind, token, answer.event);
  }
  await writeTokenStatus(token, { served: request.id }, hands, { unchanged: true });
}

interface CredentialAnswer {
  values: HandedOver;
  event?: EventText | undefined;
}

async function answerFor(
  token: RunnerToken,
  pool: RunnerPool,
  hands: RequestHands,
): Promise<CredentialAnswer> {
  const owner = ownerOfRunner(token, pool);
  const found = await hands.credentials.read(owner);
  if (found === undefined) return refused('not-found');
  if (!found.good)
    return {
      values: { code: 'unavailable', reason: found.reason },
      event: { type: 'Warning', reason: 'CredentialWithheld', message: found.message },
    };
  if (!sameRecorded(token.status?.recorded ?? owner.own, found.recorded))
    return {
      ...refused('credential-not-held'),
      event: {
        type: 'Warning',
        reason: 'CredentialWithheld',
        message:
          'the supplied credential speaks for another, or may do other things, than this runner was made for',
      },
    };
  const attempt = token.spec.attempt ?? 1;
  return {
    values: { credential: forHolder(found.credential, runnerOf(token).id) },
    event: {
      type: 'Normal',
      reason: 'CredentialHandedOut',
      message: `the supplied credential is handed to attempt ${attempt} of the runner`,
    },
  };
}

function refused(code: 'not-found' | 'credential-not-held'): CredentialAnswer {
  return { values: { code } };
}
