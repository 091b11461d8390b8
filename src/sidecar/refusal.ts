import type { ProblemCode } from '../protocol/problem.ts';

/**
 * Why a call of the api came to nothing, in the api's own code, so that each protocol can say it its own way.
 * An api that can't be reached is `unavailable`.
 */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: ProblemCode;
  readonly status: number;
  /** Seconds after which to come again, when the api said so. */
  readonly retryAfter: string | undefined;
  constructor(code: ProblemCode, status: number, detail: string, retryAfter?: string) {
    super(detail);
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export function unavailable(detail: string): Refused {
  return new Refused('unavailable', 503, detail);
}

/** What a handler throws may be a Refused or a fault of ours; a fault's text is for the log alone. */
export function asRefused(error: unknown): Refused {
  if (error instanceof Refused) return error;
  return new Refused('internal-error', 500, 'the sidecar failed');
}
