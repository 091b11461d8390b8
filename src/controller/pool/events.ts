import { sameRecorded } from '../../credentials/recorded.ts';
import { CREDENTIAL_REASONS } from '../../credentials/verdict.ts';
import type { EventText } from '../../kube/events.ts';
import type { RunnerPoolStatus, SlotFailure } from '../../resources/runner_pool.ts';
import type { DeleteReason, PoolAction } from '../action.ts';
import { forgeEvents } from './forge_events.ts';
import type { Observed } from './observed.ts';
import { registrationName, runnerName } from './runner_name.ts';

/** Names of runners that one event gives; beyond, it counts. */
const MOST_NAMES = 3;

const DELETED: Record<DeleteReason, { reason: string; type?: 'Warning'; what: string }> = {
  Finished: { reason: 'RunnerFinished', what: 'removed finished' },
  ScaledDown: { reason: 'ScaledDown', what: 'removed' },
  Outdated: { reason: 'RunnerReplaced', what: 'removed for the changed template' },
  CredentialChanged: {
    reason: 'RunnerReplaced',
    what: 'removed, the supplied credential speaks for another or may do other things:',
  },
  StartFailed: { reason: 'RunnerRemoved', what: 'removed after a failed start' },
  DrainTimeout: {
    reason: 'DrainTimeout',
    type: 'Warning',
    what: 'removed while busy, drainTimeout is over:',
  },
  IdentityLost: { reason: 'IdentityLost', type: 'Warning', what: 'removed, its token was revoked:' },
  Lingering: { reason: 'RunnerRemoved', type: 'Warning', what: 'removed, it had ended but its pod had not:' },
  Revoked: {
    reason: 'RunnerRevoked',
    what: 'removed, the registration token it descends from was disabled or deleted:',
  },
  RecordGone: {
    reason: 'RunnerRemoved',
    type: 'Warning',
    what: 'removed, no longer on the forge’s record, so no job would have come:',
  },
  PoolDeleted: { reason: 'PoolDeleted', what: 'removed with the pool' },
};

/** What a reconcile has to tell: one event a reason however many runners it is about, in the order of the actions. */
export function poolEvents(
  observed: Observed,
  done: readonly PoolAction[],
  status: RunnerPoolStatus,
): EventText[] {
  return [
    ...failureEvents(observed, status.failures),
    ...blockedEvents(observed),
    ...forgeEvents(observed, done, status),
    ...credentialEvents(observed),
    ...registrationEvents(observed, done),
    ...runnerEvents(observed, done),
  ];
}

function registrationEvents({ pool }: Observed, done: readonly PoolAction[]): EventText[] {
  if (!done.some((one) => one.type === 'MakeRegistration')) return [];
  const message = `made registration token ${registrationName(pool.name)}, which the runners descend from`;
  return [{ type: 'Normal', reason: 'RegistrationMade', message }];
}

function runnerEvents(observed: Observed, done: readonly PoolAction[]): EventText[] {
  const groups = new Map<string, { text: Omit<EventText, 'message'>; what: string; names: string[] }>();
  for (const action of done) {
    const told = tell(observed, action);
    if (told === undefined) continue;
    const group = groups.get(told.what) ?? { text: told.text, what: told.what, names: [] };
    group.names.push(told.name);
    groups.set(told.what, group);
  }
  return [...groups.values()].map(({ text, what, names }) => ({
    ...text,
    message: `${what} ${listed(names)}`,
  }));
}

function tell(
  { pool }: Observed,
  action: PoolAction,
): { text: Omit<EventText, 'message'>; what: string; name: string } | undefined {
  switch (action.type) {
    case 'CreateRunner':
      return {
        text: { type: 'Normal', reason: 'RunnerCreated' },
        what: 'made',
        name: runnerName(pool, action.slot, action.serial),
      };
    case 'DeleteRunner': {
      const { reason, type = 'Normal', what } = DELETED[action.reason];
      return { text: { type, reason }, what, name: action.runner.name };
    }
    case 'StartDrain':
      return { text: { type: 'Normal', reason: 'Draining' }, what: 'lets finish', name: action.runner.name };
    default:
      return undefined;
  }
}

function listed(names: readonly string[]): string {
  if (names.length === 1) return `runner ${names[0]}`;
  const rest = names.length - MOST_NAMES;
  return `${names.length} runners: ${names.slice(0, MOST_NAMES).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** Failures that this round has put on record. */
function failureEvents({ pool }: Observed, failures: readonly SlotFailure[]): EventText[] {
  const before = new Map((pool.status?.failures ?? []).map((one) => [one.slot, one.attempt]));
  const fresh = failures.filter((one) => (before.get(one.slot) ?? 0) < one.attempt);
  const first = fresh[0];
  if (first === undefined) return [];
  const others = fresh.length === 1 ? '' : ` (and ${fresh.length - 1} other slots)`;
  return [
    {
      type: 'Warning',
      reason: 'RunnerStartFailed',
      message: `slot ${first.slot}, attempt ${first.attempt}: ${first.message}${others}`,
    },
  ];
}

function blockedEvents(observed: Observed): EventText[] {
  const { pool } = observed;
  const was = pool.status?.conditions.find((one) => one.type === 'Degraded')?.reason;
  const refusal = observed.templateRefusals[0];
  if (refusal !== undefined && was !== 'TemplateRefused')
    return [{ type: 'Warning', reason: 'TemplateRefused', message: `${refusal.field} ${refusal.message}` }];
  if (observed.credentials === 'Missing' && refusal === undefined && was !== 'CredentialsSecretMissing')
    return [
      {
        type: 'Warning',
        reason: 'CredentialsSecretMissing',
        message: `Secret ${pool.spec.forge.credentialsSecretRef?.name} is not there; no runner is made until it is`,
      },
    ];
  const { credential } = observed;
  if (!credential.good)
    return was === credential.reason
      ? []
      : [{ type: 'Warning', reason: credential.reason, message: credential.message }];
  if (observed.parent.standing === 'Blocked' && was !== observed.parent.reason)
    return [{ type: 'Warning', reason: observed.parent.reason, message: observed.parent.message }];
  return [];
}

/** Whom a supplied credential speaks for, when that is new or it has become good again. */
function credentialEvents({ pool, credential }: Observed): EventText[] {
  if (pool.spec.token.supplied === undefined || !credential.good) return [];
  const before = pool.status?.recorded;
  const was = pool.status?.conditions.find((one) => one.type === 'Degraded')?.reason ?? '';
  const mended = (CREDENTIAL_REASONS as readonly string[]).includes(was);
  if (before !== undefined && sameRecorded(before, credential.recorded) && !mended) return [];
  const { subject = 'nobody that is known', scopes } = credential.recorded;
  const may =
    scopes === undefined
      ? ''
      : `, with ${scopes.length === 0 ? 'no scopes' : `the scopes ${scopes.join(', ')}`}`;
  const message = `the supplied credential is good and speaks for ${subject}${may}`;
  return [{ type: 'Normal', reason: 'CredentialAccepted', message }];
}
