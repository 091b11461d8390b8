import { setCondition } from '../../resources/conditions.ts';
import { durationSeconds } from '../../resources/duration.ts';
import type { RunnerTokenStatus } from '../../resources/runner_token.ts';
import { hasExpired, mostUses, usesLeft } from '../../tokens/registration_standing.ts';
import type { ObservedRegistration, RegistrationAction } from './observed.ts';

export interface RegistrationPlan {
  actions: RegistrationAction[];
  /** The controller's part of the status, before the actions: what it takes away must be gone first. */
  status: ControllerStatus;
  againAfterMs?: number | undefined;
}

export type ControllerStatus = Pick<
  RunnerTokenStatus,
  'phase' | 'reason' | 'message' | 'secretRef' | 'tokenHash' | 'poolUid' | 'runners' | 'conditions'
>;

type Verdict = { phase: RunnerTokenStatus['phase']; reason: string; message: string; againMs?: number };

/** Secrets and pools that aren't there yet are looked for again; a user's Secret may change. Milliseconds. */
const WAIT_MS = 2_000;
const SECRET_MS = 30_000;
const DEFAULT_RETENTION = '24h';
/** A use is written before the runner that it is for: until then nobody lives who joined by it. Milliseconds. */
const LEAST_RETENTION_MS = 10_000;

/**
 * Decides the standing of a Registration token; pure.
 *
 *     Pending <──> Active <──> Used, Expired      (nobody joins, descendants stay)
 *                    ^ └────> Inactive             (descendants are revoked; Active again when the last one is)
 */
export function planRegistration(observed: ObservedRegistration, now: Date): RegistrationPlan {
  const { spec, status, secret, living } = observed;
  const verdict = judge(observed, now);
  const { phase, reason, message } = verdict;
  const hash = secret.standing === 'Read' ? secret.hash : undefined;
  const poolUid = status?.poolUid ?? observed.pool?.uid;
  const actions: RegistrationAction[] = [];
  if (secret.standing === 'Absent' && spec.secretRef === undefined && observed.pool !== undefined)
    actions.push({ type: 'MakeSecret', secret: secret.name });
  if (observed.supersededBy !== undefined && spec.active !== false) actions.push({ type: 'Disable' });
  const collectMs = collectInMs(observed, phase, now);
  if (collectMs !== undefined && collectMs <= 0) actions.push({ type: 'Collect' });
  const ready = {
    type: 'Ready',
    status: phase === 'Active' ? ('True' as const) : ('False' as const),
    reason,
    message,
    observedGeneration: observed.generation,
  };
  return {
    actions,
    status: {
      phase,
      reason,
      message,
      ...(secret.standing === 'Read' ? { secretRef: { name: secret.name } } : {}),
      ...(hash === undefined ? {} : { tokenHash: hash }),
      ...(poolUid === undefined ? {} : { poolUid }),
      runners: living,
      conditions: setCondition(status?.conditions ?? [], ready, now),
    },
    againAfterMs: soonest(
      verdict.againMs,
      spec.secretRef === undefined ? undefined : SECRET_MS,
      spec.expiresAt === undefined ? undefined : Date.parse(spec.expiresAt) - now.getTime(),
      collectMs,
    ),
  };
}

/** The first that applies: what takes descendants away, then what keeps newcomers out. */
function judge(observed: ObservedRegistration, now: Date): Verdict {
  return (
    disabled(observed) ??
    outsideItsPool(observed) ??
    withoutValue(observed) ??
    closed(observed, now) ?? {
      phase: 'Active',
      reason: 'Ready',
      message: `runners may join RunnerPool ${observed.spec.poolRef.name}`,
    }
  );
}

function disabled({ spec, status, supersededBy }: ObservedRegistration): Verdict | undefined {
  if (supersededBy !== undefined)
    return inactive('Superseded', `${supersededBy} is newer, for the same pool and scope`);
  if (spec.active !== false) return undefined;
  return status?.reason === 'Superseded'
    ? inactive('Superseded', status.message ?? 'a newer token came')
    : inactive('Disabled', 'spec.active is false: nobody joins, and every descendant is revoked');
}

function outsideItsPool({ spec, status, pool }: ObservedRegistration): Verdict | undefined {
  const { name } = spec.poolRef;
  const meant = spec.poolRef.uid ?? status?.poolUid;
  if (pool === undefined && status?.poolUid === undefined)
    return pending('PoolMissing', `there is no RunnerPool ${name} (spec.poolRef.name) yet`);
  if (pool === undefined || (meant !== undefined && meant !== pool.uid))
    return inactive('PoolGone', `the RunnerPool ${name} that it was for is gone: make a new token`);
  if (!pool.withinScope)
    return inactive('ScopeOutsidePool', `spec.scope is not within spec.forge.scope of RunnerPool ${name}`);
  // Its busy runners still finish, with their identity.
  if (pool.deleting) return pending('PoolDeleting', `RunnerPool ${name} is being deleted`);
  return undefined;
}

function withoutValue({ spec, secret }: ObservedRegistration): Verdict | undefined {
  if (secret.standing === 'Absent')
    return spec.secretRef === undefined
      ? { ...pending('MakingValue', 'its value is being made'), againMs: 0 }
      : pending('SecretMissing', `Secret ${secret.name} (spec.secretRef.name) is not there`);
  if (secret.standing === 'Foreign')
    return pending(
      'SecretNameTaken',
      `Secret ${secret.name} is somebody else's: delete it, or rename the token`,
    );
  return secret.problem === undefined
    ? undefined
    : pending('SecretInvalid', `Secret ${secret.name} (spec.secretRef): ${secret.problem}`);
}

function closed(observed: ObservedRegistration, now: Date): Verdict | undefined {
  const { status, falling } = observed;
  if (falling > 0)
    return inactive('Reviving', `${falling} runners that fell with it are being revoked first`);
  if (hasExpired(observed, now))
    return { phase: 'Expired', reason: 'Expired', message: 'spec.expiresAt is past: nobody joins any more' };
  if (usesLeft(observed) === 0)
    return {
      phase: 'Used',
      reason: 'UsedUp',
      message: `used ${status?.uses} of ${mostUses(observed)} times`,
    };
  return undefined;
}

function inactive(reason: string, message: string): Verdict {
  return { phase: 'Inactive', reason, message };
}

function pending(reason: string, message: string): Verdict {
  return { phase: 'Pending', reason, message, againMs: WAIT_MS };
}

/** A used OneTime token goes after its retention, but not while a descendant lives, which would end with it. */
function collectInMs(
  { spec, status, living }: ObservedRegistration,
  phase: RunnerTokenStatus['phase'],
  now: Date,
): number | undefined {
  if (phase !== 'Used' || spec.usage !== 'OneTime' || living > 0 || status?.lastUsedAt === undefined)
    return undefined;
  const retentionMs = Math.max(
    LEAST_RETENTION_MS,
    durationSeconds(spec.retention ?? DEFAULT_RETENTION) * 1000,
  );
  return Date.parse(status.lastUsedAt) + retentionMs - now.getTime();
}

function soonest(...times: (number | undefined)[]): number | undefined {
  const known = times.filter((one) => one !== undefined && one > 0) as number[];
  return known.length === 0 ? undefined : Math.min(...known);
}
