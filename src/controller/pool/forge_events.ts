import type { EventText } from '../../kube/events.ts';
import type { RunnerPoolStatus } from '../../resources/runner_pool.ts';
import type { PoolAction } from '../action.ts';
import type { Observed } from './observed.ts';

/** Names of records that one event gives; beyond, it counts. */
const MOST_NAMES = 5;

/** What a reconcile has to tell of the pool's forge and of its scale. */
export function forgeEvents(
  observed: Observed,
  done: readonly PoolAction[],
  status: RunnerPoolStatus,
): EventText[] {
  return [
    ...troubleEvents(observed, status),
    ...givenUpEvents(observed, status),
    ...done.flatMap((action) => actionEvents(observed, action)),
    ...orphanEvents(done),
  ];
}

/** Once for each trouble that the pool is now Degraded by. */
function troubleEvents({ pool, forge }: Observed, status: RunnerPoolStatus): EventText[] {
  if (forge.standing === 'None' || forge.trouble === undefined) return [];
  const reasonIn = (of: Pick<RunnerPoolStatus, 'conditions'> | undefined) =>
    of?.conditions.find((one) => one.type === 'Degraded')?.reason;
  const reason = `Forge${forge.trouble.reason}`;
  if (reasonIn(status) !== reason || reasonIn(pool.status) === reason) return [];
  return [{ type: 'Warning', reason, message: forge.trouble.message }];
}

/** A slot that has just failed as often as it may; it says so once, and goes on trying. */
function givenUpEvents({ pool, forge }: Observed, { failures }: RunnerPoolStatus): EventText[] {
  if (forge.standing === 'None') return [];
  const { maxAttempts, backoff } = pool.spec.lifecycle;
  const before = new Map((pool.status?.failures ?? []).map((one) => [one.slot, one.attempt]));
  return failures
    .filter((one) => one.attempt >= maxAttempts && (before.get(one.slot) ?? 0) < maxAttempts)
    .slice(0, 1)
    .map((one) => ({
      type: 'Warning',
      reason: 'StartsFailing',
      message: `slot ${one.slot} failed ${one.attempt} times in a row and is tried every ${backoff.max} from now on: ${one.message}`,
    }));
}

function actionEvents({ pool }: Observed, action: PoolAction): EventText[] {
  if (action.type === 'SetReplicas')
    return [
      {
        type: 'Normal',
        reason: action.to > action.from ? 'ScaledUp' : 'ScaledDown',
        message: `replicas from ${action.from} to ${action.to}: ${action.why}`,
      },
    ];
  if (action.type === 'RemoveForgeFinalizer' && action.left.length > 0)
    return [
      {
        type: 'Warning',
        reason: 'ForgeRecordsLeft',
        message: `the forge did not remove within ${pool.spec.lifecycle.forgeCleanupTimeout}, and nobody will now: ${listed(action.left)}`,
      },
    ];
  return [];
}

function orphanEvents(done: readonly PoolAction[]): EventText[] {
  const names = done.flatMap((one) => (one.type === 'RemoveRecord' ? [one.record.name] : []));
  if (names.length === 0) return [];
  return [
    {
      type: 'Normal',
      reason: 'RecordsRemoved',
      message: `removed from the forge, no runner stands behind: ${listed(names)}`,
    },
  ];
}

function listed(names: readonly string[]): string {
  const rest = names.length - MOST_NAMES;
  return `${names.slice(0, MOST_NAMES).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
