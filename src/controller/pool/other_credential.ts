import { poolIdentity, sameRecorded } from '../../credentials/recorded.ts';
import type { Observed, Runner } from './observed.ts';
import { standingOf } from './standing.ts';

/**
 * Runners to replace since the credential now speaks for somebody else, or may do something else, than the one that
 * they were made for. Its value decides nothing: with the same subject and scopes they stay, and get the new one at
 * their hand-out. Busy ones finish. Nobody goes while the credential is not good, since no other could be made.
 */
export function ofOtherCredential(live: readonly Runner[], { credential, pool }: Observed): Runner[] {
  if (!credential.good) return [];
  const own = poolIdentity(pool);
  return live.filter((runner) => {
    // What a runner is made for is written when its token becomes Active. One from before there was such a record was
    // made for the pool itself.
    if (runner.token?.phase !== 'Active' || standingOf(runner) === 'Busy') return false;
    return !sameRecorded(runner.token.recorded ?? own, credential.recorded);
  });
}
