import type { CredentialAnswer } from '../../protocol/runner.ts';
import { type Problem, problem } from '../problem.ts';
import { WHILE_ALIVE } from '../served_states.ts';
import type { OnceGiven } from './hand_out.ts';

/** The credential that somebody supplied for the runner. */
export const suppliedCredential: OnceGiven<CredentialAnswer> = {
  what: 'Credential',
  claim: 'credential',
  states: WHILE_ALIVE,
  takeMs: 8_000,
  claimMs: 15_000,
  read: ({ credential }) => (credential === undefined ? undefined : { credential }),
  notHeld: credentialNotHeld,
  notFound: () => problem('not-found', 'No credential is supplied for this runner.'),
  handedOut: (detail, headers = {}) => problem('credential-handed-out', detail, { headers }),
  withheld: (reason) => `The supplied credential can't be handed out now: ${reason}.`,
};

function credentialNotHeld(): Problem {
  return problem(
    'credential-not-held',
    'The credential is for a runner that holds its token: this pod and this attempt, made for the same subject and scopes.',
  );
}
