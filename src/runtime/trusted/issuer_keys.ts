import type { Logger } from 'pino';
import type { Clock } from '../../tokens/clock.ts';
import { publicKeySet, verificationKeys } from '../../tokens/jwks.ts';
import type { TokenVerifier } from '../../tokens/verify.ts';
import { fetchJson } from './fetch_json.ts';

/** For so long a set is used without a question, as its own Cache-Control says. */
const FRESH_MS = 60_000;
/** A kid that is not in the set, or a failure, leads to another question at most this often. */
const PAUSE_MS = 5_000;

export interface IssuerKeysOptions {
  jwksUri: string;
  verifier: Pick<TokenVerifier, 'useKeys'>;
  now: Clock;
  log: Logger;
}

export interface IssuerKeys {
  /** Resolves once the verifier has a fresh set, or has none since it can't be had. Never rejects. */
  fresh(): Promise<void>;
  /** Whether another look may bring a kid that was not there; takes it. */
  lookAgain(): Promise<boolean>;
}

/**
 * Keeps a verifier's keys equal to what one issuer publishes. They are that issuer's alone: nothing that it publishes
 * ever vouches for a token of another. Without a fresh set there are no keys: fail closed.
 */
export function createIssuerKeys({ jwksUri, verifier, now, log }: IssuerKeysOptions): IssuerKeys {
  let loadedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;

  async function load(): Promise<void> {
    triedAt = now();
    const from = now();
    try {
      const answer = await fetchJson(jwksUri, { timeoutMs: 2_000, mostBytes: 64 * 1024 });
      verifier.useKeys(await verificationKeys(publicKeySet.parse(answer)));
      loadedAt = from;
    } catch (err) {
      log.warn({ jwksUri, err }, 'the public keys of a trusted issuer can not be had');
      if (now() - loadedAt >= FRESH_MS) verifier.useKeys(new Map());
    }
  }

  function ask(): Promise<void> {
    underWay ??= load().finally(() => {
      underWay = undefined;
    });
    return underWay;
  }

  const mayAsk = () => now() - triedAt >= PAUSE_MS;
  return {
    async fresh() {
      if (now() - loadedAt < FRESH_MS) return;
      if (underWay !== undefined || mayAsk()) return await ask();
      verifier.useKeys(new Map());
    },
    async lookAgain() {
      if (underWay === undefined && !mayAsk()) return false;
      await ask();
      return true;
    },
  };
}
