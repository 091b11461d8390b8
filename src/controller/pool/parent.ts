import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { isEnabled } from '../../tokens/registration_standing.ts';
import { isNewer, seatOf } from '../registration/supersede.ts';
import type { View } from '../view.ts';

/** The Registration token that a pool's next runners descend from, or why there is none. */
export type Parent =
  | { standing: 'Found'; token: RunnerToken }
  /** There is none at all and none is named: one is to be made. */
  | { standing: 'None' }
  | { standing: 'Blocked'; reason: 'RegistrationMissing' | 'RegistrationInactive'; message: string };

export function parentOf(pool: RunnerPool, view: Pick<View, 'tokens'>): Parent {
  const { namespace, name } = pool.metadata;
  return chooseParent(pool, view.tokens.byIndex('registrations', `${namespace}/${name}`));
}

/**
 * The one that the pool names; else the newest that is active of the reusable ones for all of the pool. A token that its
 * owner disabled is not made up for by another: that would undo the owner's will; pure.
 */
export function chooseParent(pool: RunnerPool, registrations: readonly RunnerToken[]): Parent {
  const named = pool.spec.token.registrationRef?.name;
  if (named !== undefined) {
    const token = registrations.find((one) => one.metadata.name === named);
    if (token === undefined)
      return blocked(
        'RegistrationMissing',
        `RunnerToken ${named} (spec.token.registrationRef) is not there, or is no Registration token of this pool`,
      );
    return isSound(token) ? { standing: 'Found', token } : inactive([token]);
  }
  const scope = pool.spec.forge.scope;
  const seat = seatOf({ metadata: pool.metadata, spec: { poolRef: { name: pool.metadata.name } } }, scope);
  const candidates = registrations.filter(
    (one) => one.spec.usage === 'Reusable' && seatOf(one, scope) === seat,
  );
  const sound = candidates.filter(isSound);
  const newest = sound.reduce<RunnerToken | undefined>(
    (best, one) => (best === undefined || isNewer(one, best) ? one : best),
    undefined,
  );
  if (newest !== undefined) return { standing: 'Found', token: newest };
  return candidates.length === 0 ? { standing: 'None' } : inactive(candidates);
}

/** Good for descendants: a value that is still being made, or uses that are spent, matter to nobody but who registers. */
function isSound(token: RunnerToken): boolean {
  const phase = token.status?.phase;
  return isEnabled(token) && phase !== 'Inactive' && phase !== 'Expired';
}

function inactive(tokens: readonly RunnerToken[]): Parent {
  const names = tokens.map((one) => one.metadata.name).join(', ');
  return blocked(
    'RegistrationInactive',
    `no registration token of the pool is active (${names}): enable one (harrier token enable), or make a new one`,
  );
}

function blocked(reason: 'RegistrationMissing' | 'RegistrationInactive', message: string): Parent {
  return { standing: 'Blocked', reason, message };
}
