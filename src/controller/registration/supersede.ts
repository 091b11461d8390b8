import type { EntityScope } from '../../resources/entity.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { isEnabled } from '../../tokens/registration_standing.ts';

/** A OneTime token is one of several by its nature, so it pushes none aside unless it says so. */
export function supersedes({ spec }: RunnerToken): boolean {
  return spec.supersedes ?? spec.usage !== 'OneTime';
}

/**
 * The token that supersedes this one: the newest enabled one for the same pool and scope that is newer and supersedes.
 * Two of one second are told apart by their UIDs, so everybody who looks sees the same one stay; pure.
 */
export function supersederOf(
  token: RunnerToken,
  others: readonly RunnerToken[],
  poolScope: EntityScope | undefined,
): RunnerToken | undefined {
  const seat = seatOf(token, poolScope);
  return others
    .filter(
      (one) =>
        one.metadata.uid !== token.metadata.uid &&
        isEnabled(one) &&
        supersedes(one) &&
        seatOf(one, poolScope) === seat &&
        isNewer(one, token),
    )
    .reduce<RunnerToken | undefined>(
      (newest, one) => (newest === undefined || isNewer(one, newest) ? one : newest),
      undefined,
    );
}

/** Whether `a` was made after `b`; creation times are whole seconds. */
export function isNewer(a: RunnerToken, b: RunnerToken): boolean {
  const times = Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);
  return times === 0 ? a.metadata.uid > b.metadata.uid : times > 0;
}

/** What two tokens must share for one to supersede the other: where one names no scope, it has its pool's. */
export function seatOf(
  {
    metadata,
    spec,
  }: { metadata: { namespace: string }; spec: Pick<RunnerToken['spec'], 'scope' | 'poolRef'> },
  poolScope: EntityScope | undefined,
): string {
  const scope = spec.scope ?? poolScope ?? { type: 'instance' };
  return JSON.stringify([metadata.namespace, spec.poolRef.name, scope.type, scope.name ?? '']);
}
