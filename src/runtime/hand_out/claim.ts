import type { RunnerTokenStatus } from '../../resources/runner_token.ts';

/** That an attempt asked for what it gets once, such as its credential, and got it. */
export type Claim = NonNullable<RunnerTokenStatus['credential' | 'join']>;

/** One call of the hand-out: what it will be known by, and what it shares with its repetitions alone. */
export interface HandOutCall {
  request: string;
  /** SHA-256 of its Idempotency-Key. */
  call?: string | undefined;
}

/** For so long after the hand-out the same call may be repeated, in case its answer got lost on the way, in ms. */
export const REPEAT_MS = 60_000;

export type ClaimVerdict =
  | { may: true; claim: Claim }
  | { may: false; why: 'HandedOut' }
  | { may: false; why: 'InProgress'; againAfterMs: number };

/**
 * Whether this call may go on to ask the controller, and what the status says from then on; pure.
 *
 * @param claimMs After so long a claim whose answer never came, as of a replica that was killed, stands in nobody's way.
 */
export function claimFor(
  before: Claim | undefined,
  { request, call }: HandOutCall,
  now: Date,
  claimMs: number,
): ClaimVerdict {
  const fresh: Claim = {
    request,
    ...(call === undefined ? {} : { call }),
    claimedAt: now.toISOString(),
  };
  if (before === undefined) return { may: true, claim: fresh };

  const repeated = call !== undefined && before.call === call;
  if (before.handedOutAt !== undefined) {
    const over = now.getTime() - Date.parse(before.handedOutAt) >= REPEAT_MS;
    // It stays on record when it was handed out first: repeating does not lengthen the time for repetitions.
    return repeated && !over
      ? { may: true, claim: { ...fresh, handedOutAt: before.handedOutAt } }
      : { may: false, why: 'HandedOut' };
  }
  const leftMs = Date.parse(before.claimedAt) + claimMs - now.getTime();
  return repeated || leftMs <= 0
    ? { may: true, claim: fresh }
    : { may: false, why: 'InProgress', againAfterMs: leftMs };
}

/**
 * What is written before the secret leaves; undefined when another call has taken this one's place, which then must
 * not be answered. Written first, so that whatever breaks off afterwards, nobody else gets it; pure.
 */
export function handedOut(before: Claim | undefined, { request }: HandOutCall, now: Date): Claim | undefined {
  if (before?.request !== request) return undefined;
  return { ...before, handedOutAt: before.handedOutAt ?? now.toISOString() };
}

/** What is left of a claim that came to nothing: what was handed out before it stays so; pure. */
export function givenBack(before: Claim | undefined, { request }: HandOutCall): Claim | undefined {
  return before?.request === request && before.handedOutAt === undefined ? undefined : before;
}
