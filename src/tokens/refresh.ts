import { createHash } from 'node:crypto';

/** Share of its life after which a token is replaced, and how far the tokens of a fleet are spread around it. */
const REFRESH_AT = 0.8;
const SPREAD = 0.08;

/**
 * When to issue the next JWT: at 80 % of the life, give or take 8 points. Where in that range is fixed by the jti, so
 * that a thousand runners started together aren't refreshed together, and every look at one token says the same.
 */
export function refreshTime(jti: string, issuedAt: Date, expiresAt: Date): Date {
  const place = createHash('sha256').update(jti).digest().readUInt32BE(0) / 2 ** 32;
  const share = REFRESH_AT + SPREAD * (2 * place - 1);
  return new Date(issuedAt.getTime() + Math.floor((expiresAt.getTime() - issuedAt.getTime()) * share));
}
