import type { Store } from '../../kube/types.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { TokenRefused } from '../../tokens/refusal.ts';
import { hasExpired, isEnabled } from '../../tokens/registration_standing.ts';
import { hashOfValue } from '../../tokens/registration_value.ts';
import { type Problem, problem } from '../problem.ts';

/** The Registration token whose value this is; throws TokenRefused where there is none. Whether it lets in is not said. */
export function findRegistration(value: string, tokens: Pick<Store<RunnerToken>, 'byIndex'>): RunnerToken {
  // A look-up by hash tells nothing by its time: nobody can come near a value by coming near its hash.
  const [token, ...more] = tokens.byIndex('hash', hashOfValue(value));
  if (token === undefined || more.length > 0) throw new TokenRefused('unknown-token');
  return token;
}

/** Why nobody may join by the token at present, uses aside; undefined when they may. */
export function closedBecause(token: RunnerToken, now: Date): Problem | undefined {
  const { status } = token;
  if (!isEnabled(token) || status?.phase === 'Inactive' || status?.phase === 'Pending')
    return problem(
      'registration-inactive',
      `The registration token lets nobody in: ${status?.reason ?? 'Disabled'}. Its owner may enable it, or give you another.`,
    );
  if (hasExpired(token, now))
    return problem('registration-expired', `The registration token expired at ${token.spec.expiresAt}.`);
  return undefined;
}
