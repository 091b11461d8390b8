import type { PoolAction } from '../action.ts';
import type { Observed, Runner } from './observed.ts';
import { standingOf } from './standing.ts';
import { unseenEnd } from './unseen_end.ts';

/** Records that one plan removes, so that a forge with thousands of old ones is not flooded. */
const MOST_AT_ONCE = 20;
/** A runner whose record is gone may be about to end by itself. */
const GHOST_MS = 60_000;

/**
 * Removes the pool's records that no runner stands behind: their pods are gone, or have ended. Known by their names
 * alone, of which none is another pool's or another installation's; never those that are being made at this moment;
 * nothing while the forge does not answer.
 */
export function removeOrphans({ forge, runners }: Observed): Extract<PoolAction, { type: 'RemoveRecord' }>[] {
  if (forge.standing !== 'Fine') return [];
  const held = new Set([
    ...forge.joining,
    ...runners
      .filter((one) => standingOf(one) !== 'Finished' || unseenEnd(one, forge) === 'Unknown')
      .map((one) => one.forge?.name),
  ]);
  const kept = new Set(forge.kept);
  return forge.records
    .filter((one) => !held.has(one.name) && !kept.has(one.name))
    .slice(0, MOST_AT_ONCE)
    .map(({ id, name }) => ({ type: 'RemoveRecord', record: { id, name } }));
}

export interface Ghosts {
  /** They wait for jobs that will never come. */
  idle: Runner[];
  /** They had a job: what they do yet, the forge does not want to know. */
  busy: Runner[];
  /** When the next one's grace is over, in ms from now. */
  nextMs?: number | undefined;
}

/** Runners that joined and whose records are gone, while their pods live on past a grace. */
export function findGhosts(live: readonly Runner[], now: Date): Ghosts {
  const gone = live.filter((one) => one.forge?.joined === true && one.forge.goneSinceMs !== undefined);
  const leftMs = (one: Runner) => (one.forge?.goneSinceMs ?? 0) + GHOST_MS - now.getTime();
  const over = gone.filter((one) => leftMs(one) <= 0);
  const waits = gone.map(leftMs).filter((ms) => ms > 0);
  return {
    idle: over.filter((one) => standingOf(one) === 'Idle'),
    busy: over.filter((one) => standingOf(one) === 'Busy'),
    nextMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}

/** Whether the runner could be given a job as long as it is on its forge's record. */
export function mayGetJob(runner: Runner): boolean {
  const standing = standingOf(runner);
  return runner.forge?.made === true && (standing === 'Idle' || standing === 'Starting');
}

/** Of runners that should go, those that may: one that could be given a job goes only by way of its forge. */
export function free(runners: readonly Runner[], { forge }: Observed): Runner[] {
  const answers = forge.standing === 'None' || forge.standing === 'Fine';
  return runners.filter((one) => answers || !mayGetJob(one));
}
