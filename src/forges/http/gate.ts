import { ForgeError, type ForgeErrorReason } from '../forge_error.ts';

/** Lets calls through, or says at once what the last one was told: nobody is asked the same in vain. */
export interface Gate {
  /** Throws while calls are held back. */
  pass(doing: string): void;
  /** Every call is held back for so long, because the forge says so. */
  holdFor(ms: number, reason: ForgeErrorReason): void;
  /** What became of a call; undefined for one that succeeded. */
  ended(error: ForgeError | undefined): void;
}

interface Growing {
  firstMs: number;
  mostMs: number;
}

/**
 * Failures that the next call would meet as well, whatever it is for. The first of them holds nothing back: a token
 * that has just expired is renewed at once.
 */
const GROWING: Partial<Record<ForgeErrorReason, Growing>> = {
  Unauthorized: { firstMs: 5_000, mostMs: 300_000 },
  Unavailable: { firstMs: 1_000, mostMs: 15_000 },
};

/** `now` is in monotonic ms. */
export function createGate(now: () => number, random: () => number = Math.random): Gate {
  let until = Number.NEGATIVE_INFINITY;
  let because: ForgeErrorReason = 'RateLimited';
  /** What the call was told that made the hold; undefined where the forge's own limits did. */
  let told: string | undefined;
  let failures = 0;
  let last: ForgeErrorReason | undefined;

  function holdFor(ms: number, reason: ForgeErrorReason, message?: string): void {
    const at = now() + ms;
    if (at <= until) return;
    until = at;
    because = reason;
    told = message;
  }

  return {
    holdFor,
    pass(doing) {
      const leftMs = until - now();
      if (leftMs <= 0) return;
      const last = told === undefined ? '' : ` (the last answer: ${told})`;
      throw new ForgeError(because, held(doing, because, leftMs) + last, leftMs);
    },
    ended(error) {
      const growing = error === undefined ? undefined : GROWING[error.reason];
      if (error === undefined || growing === undefined) {
        failures = 0;
        last = undefined;
        return;
      }
      failures = last === error.reason ? failures + 1 : 0;
      last = error.reason;
      if (failures === 0) return;
      const whole = Math.min(growing.mostMs, growing.firstMs * 2 ** Math.min(failures - 1, 20));
      holdFor(whole * (0.75 + random() / 4), error.reason, error.message);
    },
  };
}

const WHY: Partial<Record<ForgeErrorReason, string>> = {
  RateLimited: 'its rate limit is used up',
  Unauthorized: 'it did not accept the credentials: renew them in the Secret',
  Unavailable: 'it did not answer the last calls',
};

function held(doing: string, reason: ForgeErrorReason, leftMs: number): string {
  return `cannot ${doing}: the forge is not asked for another ${Math.ceil(leftMs / 1000)} s, because ${WHY[reason] ?? reason}`;
}
