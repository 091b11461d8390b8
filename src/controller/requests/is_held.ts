import type { RunnerToken } from '../../resources/runner_token.ts';
import { upholds } from '../../tokens/registration_standing.ts';
import type { RunnerPod } from '../kinds.ts';
import type { View } from '../view.ts';

/** Whether this pod and attempt still hold the token, and the claim is the one that this request was made with. */
export function isHeld(
  token: RunnerToken,
  claim: 'credential' | 'join',
  pod: RunnerPod | undefined,
  view: Pick<View, 'tokens'>,
): boolean {
  const { parentRef, podRef } = token.spec;
  const claimed = token.status?.[claim]?.request === token.status?.request?.id;
  const upheld = parentRef === undefined || upholds(view.tokens.byUid(parentRef.uid), parentRef.uid);
  return claimed && upheld && isActive(token) && (podRef === undefined || lives(pod, podRef.uid));
}

function isActive({ metadata, status }: RunnerToken): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    status?.phase === 'Active' &&
    status.endedAt === undefined &&
    status.replacedBy === undefined &&
    status.runner?.state !== 'Terminated'
  );
}

function lives(pod: RunnerPod | undefined, uid: string): boolean {
  return (
    pod?.metadata.uid === uid &&
    pod.metadata.deletionTimestamp === undefined &&
    pod.phase !== 'Succeeded' &&
    pod.phase !== 'Failed'
  );
}
