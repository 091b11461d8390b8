import { decodePlain } from '../tokens/routable/decode_plain.ts';
import { decodeRoutable } from '../tokens/routable/decode_routable.ts';
import { type Malformation, MalformedToken } from '../tokens/routable/malformed.ts';
import { readJwt } from '../tokens/routable/read_jwt.ts';
import { routingOfClaims } from '../tokens/routable/routing_of_claims.ts';
import type { RoutingKeys } from '../tokens/routable/routing_payload.ts';
import { type TokenFormat, tokenFormat } from '../tokens/routable/token_format.ts';
import { NOT_BEFORE_LEEWAY_SECONDS } from '../tokens/verify.ts';

/** All that a token says to somebody who can verify nothing: never any of its random bytes, nor its signature. */
export type Inspection =
  | { format: 'routable'; prefix: string; routing: RoutingKeys; randomBytes: number; checksum: 'ok' }
  | { format: 'plain'; prefix: string; routing: RoutingKeys; randomBytes: number; checksum: 'none' }
  | {
      format: 'jwt';
      routing: RoutingKeys;
      header: Record<string, unknown>;
      claims: Record<string, unknown>;
      signature: 'unverified';
      validity: Validity;
    }
  | { format: TokenFormat | 'unknown'; checksum?: 'wrong'; reason: Malformation; message: string };

/** What the clock says of a JWT's times, with the api's own leeway. */
export interface Validity {
  standing: 'in-time' | 'expired' | 'not-yet-valid';
  issuedAt?: string;
  notBefore?: string;
  expiresAt?: string;
}

/** Reads a token of any form; pure. One that is malformed has a `reason`. */
export function inspectToken(token: string, now: Date): Inspection {
  const format = tokenFormat(token);
  try {
    switch (format) {
      case 'routable':
        return { format, ...decodeRoutable(token) };
      case 'plain': {
        const { prefix, randomBytes } = decodePlain(token);
        return { format, prefix, routing: {}, randomBytes, checksum: 'none' };
      }
      case 'jwt':
        return inspectJwt(token, now);
      default:
        throw new MalformedToken('form');
    }
  } catch (error) {
    if (!(error instanceof MalformedToken)) throw error;
    const { code: reason, message } = error;
    const checksum = reason === 'checksum' ? { checksum: 'wrong' as const } : {};
    return { format: format ?? 'unknown', ...checksum, reason, message };
  }
}

function inspectJwt(token: string, now: Date): Inspection {
  const { header, claims } = readJwt(token);
  return {
    format: 'jwt',
    routing: routingOfClaims(claims),
    header,
    claims,
    signature: 'unverified',
    validity: validityOf(claims, now),
  };
}

function validityOf(claims: Record<string, unknown>, now: Date): Validity {
  const seconds = now.getTime() / 1000;
  const [issued, notBefore, expires] = (['iat', 'nbf', 'exp'] as const).map((name) => dateOf(claims[name]));
  const standing =
    expires !== undefined && seconds >= expires.seconds
      ? 'expired'
      : notBefore !== undefined && seconds + NOT_BEFORE_LEEWAY_SECONDS < notBefore.seconds
        ? 'not-yet-valid'
        : 'in-time';
  return {
    standing,
    ...(issued === undefined ? {} : { issuedAt: issued.text }),
    ...(notBefore === undefined ? {} : { notBefore: notBefore.text }),
    ...(expires === undefined ? {} : { expiresAt: expires.text }),
  };
}

/** A NumericDate (RFC 7519 section 2): seconds since 1970, fractions allowed. */
function dateOf(value: unknown): { seconds: number; text: string } | undefined {
  if (value === undefined) return undefined;
  const time = typeof value === 'number' ? new Date(value * 1000) : undefined;
  if (typeof value !== 'number' || time === undefined || Number.isNaN(time.getTime()))
    throw new MalformedToken('claims');
  return { seconds: value, text: time.toISOString() };
}
