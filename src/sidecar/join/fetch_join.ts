import type { Answer } from '../call_once.ts';
import type { Log } from '../log.ts';
import { asRefused } from '../refusal.ts';
import { refusedBy } from '../refused_by.ts';
import type { Upstream } from '../upstream.ts';

export const JOIN_PATH = '/v1/runner/join';
/** Longer than the api takes at most: an answer that comes too late would be lost. */
const TIMEOUT_MS = 40_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
/** The longest that the api may put us off, in ms: a forge's limit of calls may last for an hour. */
const LONGEST_PUT_OFF_MS = 300_000;

export interface FetchJoinOptions {
  upstream: Pick<Upstream, 'call'>;
  /** The call's Idempotency-Key: the api takes all tries for one call, so that a lost answer is given again. */
  key: string;
  /** Told why it takes longer, each time that it does. */
  onPutOff(code: string, detail: string): void;
  log: Log;
  sleep?: (milliseconds: number) => Promise<void>;
}

/** Asks the api for what the runner joins with, until its answer settles it: the material, or a refusal for good. */
export async function fetchJoin({
  upstream,
  key,
  onPutOff,
  log,
  sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref()),
}: FetchJoinOptions): Promise<Answer> {
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(delay * 2, LONGEST_DELAY_MS)) {
    const answer = await upstream
      .call({ method: 'GET', path: JOIN_PATH, idempotent: false, timeout: TIMEOUT_MS, idempotencyKey: key })
      .catch(asRefused);
    if ('body' in answer && isSettled(answer)) return answer;
    const { code, message, retryAfter } = 'body' in answer ? refusedBy(answer) : answer;
    const delayMs = Math.max(delay, putOffMs(retryAfter));
    log('warn', 'nothing to join the forge with yet, will ask again', { code, detail: message, delayMs });
    onPutOff(code, message);
    await sleep(delayMs);
  }
}

/**
 * A refused token is tried again: the api may see the pod's RunnerToken a moment late. So is a 409 that says when:
 * then another call of this attempt has broken off, and its claim ends by itself.
 */
function isSettled({ status, retryAfter }: Answer): boolean {
  if (status < 300) return true;
  return status < 500 && status !== 401 && status !== 429 && retryAfter === undefined;
}

function putOffMs(retryAfter: string | undefined): number {
  const seconds = Number(retryAfter ?? 0);
  return seconds > 0 ? Math.min(seconds * 1000, LONGEST_PUT_OFF_MS) : 0;
}
