import type { RunnerToken, RunnerTokenStatus } from '../../resources/runner_token.ts';
import { usesLeft } from '../../tokens/registration_standing.ts';
import { type Problem, problem } from '../problem.ts';
import { closedBecause } from './find_registration.ts';

/** Who wants a use. */
export interface Claim {
  /** Name of the runner. */
  runner: string;
  /** Hash of the registration: its repetition takes no second use. */
  request: string;
}

export interface UsesDecided {
  /** For each claim in its order: it has a use now, it had one before, or why it gets none. */
  verdicts: ('taken' | 'taken-before' | Problem)[];
  /** What is to be written before anybody is told; undefined when no use was taken. */
  status?: Pick<RunnerTokenStatus, 'uses' | 'lastUsedAt' | 'lastUsedBy' | 'recentUses'> | undefined;
}

const MOST_RECENT = 32;

/** Gives the token's uses to those who ask, first come first served; pure. */
export function decideUses(token: RunnerToken, claims: readonly Claim[], now: Date): UsesDecided {
  const closed = closedBecause(token, now);
  const before = token.status?.recentUses ?? [];
  const known = new Set(before.map((one) => one.request));
  const taken: Claim[] = [];
  let left = usesLeft(token);
  const verdicts = claims.map((claim) => {
    if (closed !== undefined) return closed;
    if (known.has(claim.request)) return 'taken-before' as const;
    if (left <= 0)
      return problem(
        'registration-used',
        `The registration token has been used ${token.status?.uses ?? 0} times, which is all that it is good for. Ask for another.`,
      );
    left -= 1;
    known.add(claim.request);
    taken.push(claim);
    return 'taken' as const;
  });
  const last = taken.at(-1);
  if (last === undefined) return { verdicts };
  const at = now.toISOString();
  const uses = taken.map(({ runner, request }) => ({ runner, request, at }));
  return {
    verdicts,
    status: {
      uses: (token.status?.uses ?? 0) + taken.length,
      lastUsedAt: at,
      lastUsedBy: last.runner,
      recentUses: [...before, ...uses].slice(-MOST_RECENT),
    },
  };
}
