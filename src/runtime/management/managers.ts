import { hash } from 'node:crypto';
import { createLimit } from '../../concurrency/limit.ts';
import { isKubeError } from '../../kube/errors.ts';
import { LocalAccessReviewKind, type ReviewedUser, TokenReviewKind } from '../../kube/reviews.ts';
import type { KubeClient } from '../../kube/types.ts';
import { MANAGEMENT_AUDIENCE } from '../../resources/group.ts';
import type { Clock } from '../../tokens/clock.ts';
import { problem } from '../problem.ts';
import { Remembered } from './remembered.ts';
import { isMeantForUs, userOfReview } from './reviewed_token.ts';
import { RIGHTS, type Right } from './rights.ts';

/** Somebody who looks after caches and pools: a person or a program that Kubernetes knows. */
export interface Manager {
  /** As Kubernetes names it, such as `system:serviceaccount:ci:cache-manager`. */
  readonly name: string;
  /** Those of our namespaces in which this is allowed. */
  namespaces(right: Right): Promise<string[]>;
}

export interface Managers {
  /**
   * Whose token it is. Throws `unauthorized` when Kubernetes doesn't know it or it isn't meant for us, `unavailable`
   * when that can't be found out.
   */
  identify(token: string): Promise<Manager>;
}

export interface ManagersOptions {
  client: Pick<KubeClient, 'review'>;
  /** Namespaces whose pools are served; of others nobody learns anything. */
  namespaces: readonly string[];
  now: Clock;
  /** For how long an answer of Kubernetes is believed, in ms. */
  forMs?: number;
  /** Questions to the apiserver that may be open at once. */
  atOnce?: number;
  /** For how long an answer is waited for, in ms. */
  timeoutMs?: number;
}

/**
 * Kubernetes says who it is (TokenReview) and what they may do (LocalSubjectAccessReview), so there are no accounts
 * and no roles of our own. Its answers are believed for five seconds. Whoever can't be asked about is refused.
 */
export function createManagers(options: ManagersOptions): Managers {
  const { client, namespaces, now, forMs = 5_000, atOnce = 32, timeoutMs = 5_000 } = options;
  const users = new Remembered<ReviewedUser | undefined>({ forMs, most: 1_000, now });
  const rights = new Remembered<boolean>({ forMs, most: 20_000, now });
  const turns = createLimit(atOnce);

  async function ask<A>(question: (signal: AbortSignal) => Promise<A>): Promise<A> {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return await turns(() => question(signal));
    } catch (cause) {
      const why = isKubeError(cause, 'forbidden')
        ? 'The api lacks the right to ask Kubernetes: set management.enabled of the chart.'
        : 'Kubernetes does not answer who this is and what they may do.';
      throw problem('unavailable', why, { headers: { 'retry-after': '2' }, cause });
    }
  }

  async function userOf(token: string): Promise<ReviewedUser | undefined> {
    const spec = { token, audiences: [MANAGEMENT_AUDIENCE] };
    const said = await ask((signal) => client.review(TokenReviewKind, { spec }, { signal }));
    return userOfReview(said);
  }

  async function isAllowed(user: ReviewedUser, right: Right, namespace: string): Promise<boolean> {
    const { username, ...rest } = user;
    const spec = { ...rest, user: username, resourceAttributes: { namespace, ...RIGHTS[right] } };
    const said = await ask((signal) => client.review(LocalAccessReviewKind, { namespace, spec }, { signal }));
    return said.allowed && !said.denied;
  }

  return {
    async identify(token) {
      if (!isMeantForUs(token)) throw notKnown();
      // The hash, so that no token lies in memory for longer than its request.
      const digest = hash('sha256', token, 'base64url');
      const user = await users.get(digest, () => userOf(token));
      if (user === undefined) throw notKnown();
      return {
        name: user.username,
        async namespaces(right) {
          const allowed = await Promise.all(
            namespaces.map((one) =>
              rights.get(`${digest} ${right} ${one}`, () => isAllowed(user, right, one)),
            ),
          );
          return namespaces.filter((_one, index) => allowed[index]);
        },
      };
    },
  };
}

function notKnown() {
  return problem(
    'unauthorized',
    `The token is not acceptable: make one with kubectl create token --audience=${MANAGEMENT_AUDIENCE}.`,
    { headers: { 'www-authenticate': 'Bearer realm="harrier", error="invalid_token"' } },
  );
}
