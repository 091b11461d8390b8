import { decodeJwt } from 'jose';
import type { ReviewedToken, ReviewedUser } from '../../kube/reviews.ts';
import { MANAGEMENT_AUDIENCE } from '../../resources/group.ts';

/**
 * Whether a token says it is for us; pure. Nothing is proven by that: but what isn't is somebody's key to something
 * else, which is sent nowhere, and nobody keeps the apiserver busy with rubbish.
 */
export function isMeantForUs(token: string): boolean {
  try {
    return [decodeJwt(token).aud].flat().includes(MANAGEMENT_AUDIENCE);
  } catch {
    return false;
  }
}

/**
 * Whose token it is by the apiserver's word, undefined for nobody's; pure. An apiserver that knows no audiences, or an
 * authenticator that ignores them, names none: then a token for something else would do (documented at
 * TokenReviewStatus.audiences).
 */
export function userOfReview(said: ReviewedToken): ReviewedUser | undefined {
  const { authenticated, audiences, error, user } = said;
  if (!authenticated || error !== undefined || user === undefined || user.username === '') return undefined;
  return audiences.includes(MANAGEMENT_AUDIENCE) ? user : undefined;
}
