import { hash } from 'node:crypto';
import type { RuntimeClaims } from './claims.ts';

interface Verdict {
  kid: string;
  claims: RuntimeClaims;
}

/**
 * Tokens whose signature was found good, so that a runner's second request costs a hash instead of an elliptic curve.
 * Only good ones come in: a storm of bad tokens evicts nothing. Bounded, the least recently used goes first.
 * Keyed by SHA-256, so that no token lies in memory longer than its request.
 */
export class Verdicts {
  readonly #limit: number;
  readonly #held = new Map<string, Verdict>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  static key(raw: string): string {
    return hash('sha256', raw, 'base64url');
  }

  get size(): number {
    return this.#held.size;
  }

  get(key: string): RuntimeClaims | undefined {
    const verdict = this.#held.get(key);
    if (verdict === undefined) return undefined;
    // A Map keeps the order of insertion: taken out and put in again, the one just used is the last to go.
    this.#held.delete(key);
    this.#held.set(key, verdict);
    return verdict.claims;
  }

  add(key: string, verdict: Verdict): void {
    this.#held.set(key, verdict);
    if (this.#held.size <= this.#limit) return;
    const oldest = this.#held.keys().next();
    if (!oldest.done) this.#held.delete(oldest.value);
  }

  /** Forgets what was decided with a key that is no longer trusted. */
  keepOnly(kids: { has(kid: string): boolean }): void {
    for (const [key, { kid }] of this.#held) if (!kids.has(kid)) this.#held.delete(key);
  }
}
