import { compactVerify } from 'jose';
import { HARRIER_CLAIM, type RuntimeClaims, runtimeClaims, TOKEN_ALGORITHM } from './claims.ts';
import type { Clock } from './clock.ts';
import { MAX_TOKEN_LENGTH, parseJson, readHeader } from './header.ts';
import type { VerificationKeys } from './jwks.ts';
import { TokenRefused } from './refusal.ts';
import { Verdicts } from './verdicts.ts';

/** How far ahead of ours the issuer's clock may be, in seconds. */
export const NOT_BEFORE_LEEWAY_SECONDS = 5;
/** Signature verdicts kept; about 2 KiB each. */
const DEFAULT_REMEMBERED = 20_000;

export interface VerifyOptions {
  issuer: string;
  audience: string;
  /** Whether agent tokens are what is accepted; runner tokens when absent. Never both. */
  agent?: boolean;
  now: Clock;
  /** How many good signatures are remembered; 0 for none. */
  remembered?: number;
}

export interface TokenVerifier {
  /**
   * The claims of a token that is genuine, ours and in its time; else throws or rejects with TokenRefused.
   * At once for a token seen before, else after its signature was checked off the event loop.
   * Whether its runner still lives is not known here.
   */
  verify(raw: string): RuntimeClaims | Promise<RuntimeClaims>;
  /** The same for a token seen before, at once; undefined for one that was not. */
  remembered(raw: string): RuntimeClaims | undefined;
  /** From now on only these keys count, for tokens seen before as well. */
  useKeys(keys: VerificationKeys): void;
  /** Whether there is any key to verify with. */
  readonly ready: boolean;
}

export function createVerifier(options: VerifyOptions): TokenVerifier {
  const verdicts = new Verdicts(options.remembered ?? DEFAULT_REMEMBERED);
  let keys: VerificationKeys = new Map();

  function inTime(claims: RuntimeClaims): RuntimeClaims {
    const seconds = options.now() / 1000;
    if (seconds >= claims.exp) throw new TokenRefused('expired');
    if (seconds + NOT_BEFORE_LEEWAY_SECONDS < claims.nbf) throw new TokenRefused('not-yet-valid');
    return claims;
  }

  async function genuine(raw: string): Promise<RuntimeClaims> {
    const { kid } = readHeader(raw);
    const key = keys.get(kid);
    if (key === undefined) throw new TokenRefused('unknown-key');
    const { payload } = await compactVerify(raw, key, { algorithms: [TOKEN_ALGORITHM] }).catch(() => {
      throw new TokenRefused('bad-signature');
    });
    const claims = runtimeClaims.safeParse(parseJson(payload));
    if (!claims.success) throw new TokenRefused('bad-claims');
    if (claims.data.iss !== options.issuer) throw new TokenRefused('wrong-issuer');
    if (!claims.data.aud.includes(options.audience)) throw new TokenRefused('wrong-audience');
    if (claims.data[HARRIER_CLAIM].agent !== (options.agent ?? false))
      throw new TokenRefused('wrong-audience');
    inTime(claims.data);
    // The keys may have changed while the signature was being checked.
    if (!keys.has(kid)) throw new TokenRefused('unknown-key');
    verdicts.add(Verdicts.key(raw), { kid, claims: claims.data });
    return claims.data;
  }

  function remembered(raw: string): RuntimeClaims | undefined {
    if (raw.length > MAX_TOKEN_LENGTH) throw new TokenRefused('malformed');
    const known = verdicts.get(Verdicts.key(raw));
    return known && inTime(known);
  }

  return {
    remembered,
    verify: (raw) => remembered(raw) ?? genuine(raw),
    useKeys(next) {
      keys = next;
      verdicts.keepOnly(next);
    },
    get ready() {
      return keys.size > 0;
    },
  };
}
