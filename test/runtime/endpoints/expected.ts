import type { Endpoint } from '../../../src/runtime/route_table.ts';
import type { RunnerStanding } from '../../../src/runtime/served_states.ts';

/** Everything that somebody may show to the api. */
export const BEARERS = [
  'none',
  'garbage',
  'runner of a pod',
  'registered runner',
  'agent',
  'visitor',
  'untrusted cell',
  'expired',
  'revoked',
  'routable registration',
  'plain registration',
  'client of introspection',
  'manager',
] as const;
export type Bearer = (typeof BEARERS)[number];

/** Those who are in some state. */
export const IN_STATES: readonly Bearer[] = ['runner of a pod', 'registered runner', 'agent', 'visitor'];

/**
 * `served` is any answer of the endpoint itself, be it that it can't do what it was asked; `unavailable` that it was put
 * off, which the table never says.
 */
export type Outcome =
  | 'unavailable'
  | 'served'
  | 'unauthorized'
  | 'wrong-state'
  | 'url-signature'
  | 'webhook-refused';

/** What the table of endpoints says becomes of a request; pure. */
export function expectedOutcome(
  { access, states, visitors }: Endpoint,
  bearer: Bearer,
  standing: RunnerStanding | undefined,
): Outcome {
  const known = standing !== undefined && states?.includes(standing) ? 'served' : 'wrong-state';
  switch (access) {
    case 'public':
      return 'served';
    case 'signed-url':
      return 'url-signature';
    case 'webhook':
      return 'webhook-refused';
    case 'registration':
      return bearer.endsWith(' registration') ? 'served' : 'unauthorized';
    case 'introspection':
      return bearer === 'client of introspection' ? 'served' : 'unauthorized';
    case 'manager':
      return bearer === 'manager' ? 'served' : 'unauthorized';
    case 'agent':
      return bearer === 'agent' ? known : 'unauthorized';
    case 'runner':
      // Of a visitor that has ended its own issuer says that its token is not active.
      if (bearer === 'visitor' && visitors) return standing === 'Terminated' ? 'unauthorized' : known;
      return bearer === 'runner of a pod' || bearer === 'registered runner' ? known : 'unauthorized';
  }
}
