import type { Observed, Runner } from './observed.ts';

/** kubelet tells ends in whole seconds, and forges take a record away a moment after its job. */
const SETTLED_MS = 3_000;

/**
 * What became of a runner that ended well although its forge was never seen to know it: programs end so too when they
 * can't join (GitHub's run.sh does), and would be made anew without a pause. One that had its one job has lost its
 * record with it; one that has it still never joined; before the forge was asked after its end nobody knows. Pure.
 */
export function unseenEnd(runner: Runner, forge: Observed['forge']): 'Fine' | 'NeverJoined' | 'Unknown' {
  if (runner.forge === undefined || forge.standing === 'None' || runner.terminating) return 'Fine';
  if (runner.phase !== 'Succeeded' || runner.endedAtMs === undefined) return 'Fine';
  const { made, joined, busy } = runner.forge;
  const hadJob = busy || runner.token?.state === 'Busy' || runner.token?.busySinceMs !== undefined;
  if (!made || joined || hadJob) return 'Fine';
  const asked = forge.standing === 'Fine' ? forge.askedAtMs : undefined;
  return asked !== undefined && asked > runner.endedAtMs + SETTLED_MS ? 'NeverJoined' : 'Unknown';
}
