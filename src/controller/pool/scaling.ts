import type { AutoscalingStatus } from '../../resources/pool_autoscaling.ts';
import type { PoolAction } from '../action.ts';
import { autoscale } from './autoscale.ts';
import { says, type Verdict } from './blocked.ts';
import type { Observed } from './observed.ts';
import { standingOf } from './standing.ts';

export interface Scaling {
  /** The observation with as many replicas as there are to be. */
  observed: Observed;
  actions: PoolAction[];
  status?: AutoscalingStatus | undefined;
  /** The condition Autoscaling, where spec.autoscaling is given. */
  verdict?: Verdict | undefined;
  againAfterMs?: number | undefined;
}

/** How many runners there are to be: what spec.replicas says, unless spec.autoscaling says to find out. */
export function scaling(observed: Observed, now: Date): Scaling {
  const { pool, runners, forge } = observed;
  const { autoscaling, replicas } = pool.spec;
  if (autoscaling === undefined || pool.deleting) return { observed, actions: [] };
  const busy = runners.filter((one) => standingOf(one) === 'Busy');
  const stale = forge.standing === 'Unknown' || forge.standing === 'Failing';
  const queued = forge.standing === 'None' ? undefined : stillQueued(observed);
  const before = pool.status?.autoscaling;
  const to = autoscale(autoscaling, replicas, { queued, busy: busy.length, stale }, before, now);
  const has = `${busy.length} busy, ${autoscaling.minIdle} to spare: ${to.needed} needed of ${autoscaling.min} to ${autoscaling.max}`;
  const why = queued === undefined ? has : `${queued} queued, ${has}`;
  return {
    observed: { ...observed, pool: { ...pool, spec: { ...pool.spec, replicas: to.replicas } } },
    actions: to.replicas === replicas ? [] : [{ type: 'SetReplicas', from: replicas, to: to.replicas, why }],
    status: to.status,
    verdict: verdictOn(stale, queued, why),
    againAfterMs: to.againAfterMs,
  };
}

/** A runner that got its job since the forge was asked has taken it out of that queue. */
function stillQueued({ forge, runners }: Observed): number | undefined {
  if (forge.standing === 'None' || forge.queued === undefined) return undefined;
  const askedAtMs = forge.askedAtMs ?? 0;
  const since = runners.filter((one) => (one.token?.busySinceMs ?? 0) > askedAtMs);
  return Math.max(0, forge.queued - since.length);
}

function verdictOn(stale: boolean, queued: number | undefined, why: string): Verdict {
  if (stale)
    return says('False', 'ForgeNotAnswering', `no runner is taken away until the forge answers; ${why}`);
  if (queued === undefined)
    return says(
      'False',
      'QueueUnknown',
      `the forge does not tell what is queued, so only busy runners count; ${why}`,
    );
  return says('True', 'ByQueue', why);
}
