import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { HARRIER_CLAIM, type RuntimeClaims } from '../../tokens/claims.ts';
import type { Clock } from '../../tokens/clock.ts';
import { peekIssuer } from '../../tokens/peek_issuer.ts';
import { TokenRefused } from '../../tokens/refusal.ts';
import { createVerifier } from '../../tokens/verify.ts';
import type { RunnerStanding } from '../served_states.ts';
import { type AskIssuer, createAskIssuer } from './ask_issuer.ts';
import { createIssuerKeys } from './issuer_keys.ts';
import type { TrustedIssuer } from './issuers_file.ts';

/** A runner of another installation, as proven by its token and by its issuer at this moment. */
export interface Visitor {
  /** With a cache tenant that no runner of ours and none of another issuer has. */
  readonly claims: RuntimeClaims;
  readonly standing: RunnerStanding;
}

/** Checks the token of a visitor; rejects with TokenRefused. */
export type CheckVisitor = (raw: string) => Promise<Visitor>;

export interface TrustedIssuers {
  /** How to check this token, if it says that it is of an issuer that is trusted; nothing of it is proven by that. */
  of(raw: string): CheckVisitor | undefined;
  /** From now on these are trusted, and no others. */
  use(issuers: readonly TrustedIssuer[]): void;
}

export function createTrustedIssuers({ now, log }: { now: Clock; log: Logger }): TrustedIssuers {
  let trusted = new Map<string, { entry: TrustedIssuer; check: CheckVisitor }>();
  return {
    of: (raw) => (trusted.size === 0 ? undefined : trusted.get(peekIssuer(raw) ?? '')?.check),
    use(issuers) {
      trusted = new Map(
        issuers.map((entry) => {
          const before = trusted.get(entry.issuer);
          const same = before !== undefined && isDeepStrictEqual(before.entry, entry);
          return [entry.issuer, same ? before : { entry, check: checkerOf(entry, now, log) }];
        }),
      );
    },
  };
}

/** Everything of one issuer is its own: keys, verdicts, answers. So no kid and no jti of two of them ever meet. */
function checkerOf({ issuer, jwksUri, introspection }: TrustedIssuer, now: Clock, log: Logger): CheckVisitor {
  const verifier = createVerifier({ issuer, audience: introspection.clientId, now });
  const keys = createIssuerKeys({ jwksUri, verifier, now, log });
  const ask: AskIssuer = createAskIssuer(introspection, now);

  async function genuine(raw: string): Promise<RuntimeClaims> {
    try {
      return await verifier.verify(raw);
    } catch (error) {
      const rotated = error instanceof TokenRefused && error.refusal === 'unknown-key';
      if (!rotated || !(await keys.lookAgain())) throw error;
      return await verifier.verify(raw);
    }
  }

  return async (raw) => {
    await keys.fresh();
    const claims = await genuine(raw);
    const standing = await ask(raw, claims);
    return { claims: apart(claims), standing };
  };
}

/** No namespace has a colon in it and no issuer a `#`, so these tenants are nobody else's. */
function apart(claims: RuntimeClaims): RuntimeClaims {
  const own = claims[HARRIER_CLAIM];
  const tenant = `${claims.iss}#${own.cache.tenant}`;
  return { ...claims, [HARRIER_CLAIM]: { ...own, cache: { ...own.cache, tenant } } };
}
