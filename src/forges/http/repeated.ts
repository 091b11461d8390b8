import { ForgeError } from '../forge_error.ts';
import { NoAnswer } from './ask_once.ts';
import type { ForgeCall } from './forge_http.ts';

const TRIES = 3;
const FIRST_PAUSE_MS = 250;

/** A call that was not made because of those before it. */
export class Held extends ForgeError {
  constructor({ reason, message, retryAfterMs }: ForgeError) {
    super(reason, message, retryAfterMs);
  }
}

/** Tries up to three times, with growing pauses of chance length; rejects with what the last try did. */
export async function repeated<T>(
  call: ForgeCall<unknown>,
  tryOnce: () => Promise<T>,
  pause: (ms: number) => Promise<unknown>,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await tryOnce();
    } catch (error) {
      if (tried === TRIES || !mayRepeat(call, error)) throw error;
    }
    await pause(FIRST_PAUSE_MS * 4 ** (tried - 1) * (0.5 + Math.random()));
  }
}

/** What may have been carried out is sent again only if the caller says that this does no harm. */
function mayRepeat({ method, repeatable }: ForgeCall<unknown>, error: unknown): boolean {
  const harmless = repeatable === true || method === 'GET' || method === 'DELETE';
  if (error instanceof NoAnswer) return harmless || !error.sent;
  if (error instanceof Held || !(error instanceof ForgeError)) return false;
  return harmless && error.reason === 'Unavailable';
}
