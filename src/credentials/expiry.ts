import { decodeJwt } from 'jose';

/**
 * When the credential says itself that it expires, in ms since the epoch: the exp claim of one that has the form of a
 * JWT. Unverified: good enough to stop using a credential, never to begin.
 */
export function expiryIn(credential: string): number | undefined {
  try {
    const { exp } = decodeJwt(credential);
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
