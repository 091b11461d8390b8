import { type JoinAnswer, joinAnswer } from '../../protocol/join.ts';
import { problem } from '../problem.ts';
import { WHILE_INSTALLING } from '../served_states.ts';
import type { OnceGiven } from './hand_out.ts';

/**
 * What the runner joins its forge with. The controller hands over `join`, the JSON of a `joinAnswer`, for which it has
 * asked the forge: that takes longer than to read a Secret.
 */
export const joinMaterial: OnceGiven<JoinAnswer> = {
  what: 'Join',
  claim: 'join',
  states: WHILE_INSTALLING,
  takeMs: 20_000,
  claimMs: 30_000,
  read: ({ join }) => (join === undefined ? undefined : parsed(join)),
  notHeld: () =>
    problem(
      'join-not-held',
      'What a runner joins its forge with is for one that holds its token: this pod and this attempt.',
    ),
  notFound: () => problem('not-found', 'This runner’s pool has no forge to join.'),
  handedOut: (detail, headers = {}) => problem('join-handed-out', detail, { headers }),
  withheld: (reason) => `The runner can't join its forge now: ${reason}.`,
};

function parsed(text: string): JoinAnswer | undefined {
  try {
    return joinAnswer.parse(JSON.parse(text));
  } catch {
    // No cause: it would quote the secret.
    return undefined;
  }
}
