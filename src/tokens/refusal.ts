/** Why a bearer token was refused: for the log and the metric, where the token itself never stands. */
export const REFUSALS = [
  'missing',
  'malformed',
  'wrong-algorithm',
  'wrong-type',
  'forbidden-header',
  'unknown-key',
  'bad-signature',
  'wrong-issuer',
  'wrong-audience',
  'expired',
  'not-yet-valid',
  'bad-claims',
  'unknown-token',
  'revoked-token',
  'revoked-parent',
  'dead-pod',
  'old-attempt',
  'unverifiable',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** A token is not acceptable. Becomes a 401; `refusal` is logged and counted, nothing else of the token is. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused';
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(`token refused: ${refusal}`);
    this.refusal = refusal;
  }
}
