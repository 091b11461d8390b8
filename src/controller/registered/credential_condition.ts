import type { Verdict } from '../../credentials/verdict.ts';
import { type Condition, setCondition } from '../../resources/conditions.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';

/** Reason of the condition Degraded of a token that brings a credential. */
export function reasonOf(verdict: Verdict): string {
  return verdict.good ? 'AsExpected' : verdict.reason;
}

/** The token's conditions with what its credential is worth; pure. */
export function withCredential({ metadata, status }: RunnerToken, verdict: Verdict, now: Date): Condition[] {
  const degraded = {
    type: 'Degraded',
    status: verdict.good ? ('False' as const) : ('True' as const),
    reason: reasonOf(verdict),
    message: verdict.good ? 'the supplied credential is good' : verdict.message,
    observedGeneration: metadata.generation ?? 0,
  };
  return setCondition(status?.conditions ?? [], degraded, now);
}
