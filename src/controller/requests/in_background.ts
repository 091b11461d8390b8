import type { Logger } from 'pino';
import type { RunnerToken } from '../../resources/runner_token.ts';

/** Begins what may take long, unless it is under way for this token and request. */
export type InBackground = (token: RunnerToken, request: string, work: () => Promise<void>) => void;

/** After a failure the token is looked at again so much later, in ms. */
const RETRY_MS = 1_000;

/**
 * A forge may take half a minute to say nothing: whoever waits for it must not hold up the tokens of other pools. What
 * fails is taken up again by the token's next look, as anything unanswered is.
 */
export function createInBackground(
  lookAgain: (token: RunnerToken, afterMs: number) => void,
  log: Logger,
): InBackground {
  const underWay = new Set<string>();
  return (token, request, work) => {
    const key = `${token.metadata.uid} ${request}`;
    if (underWay.has(key)) return;
    underWay.add(key);
    void work()
      .catch((err: unknown) => {
        log.debug({ err, token: token.metadata.name }, 'a join broke off and is taken up again');
        lookAgain(token, RETRY_MS);
      })
      .finally(() => underWay.delete(key));
  };
}
