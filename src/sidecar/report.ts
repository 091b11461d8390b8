import type { ProblemCode } from '../protocol/problem.ts';
import type { RunnerStatusRequest } from '../protocol/runner.ts';
import type { Log } from './log.ts';
import type { Upstream } from './upstream.ts';
import { refusedBy } from './upstream.ts';

export interface Reporter {
  /** Says Installing, then Idle, and goes on until the api has heard both or the runner speaks for itself. */
  start(): Promise<void>;
  /** The runner has reported a state of its own through us: from then on ours would be stale. */
  runnerSpoke(): void;
  /** Says Terminated once, best effort: by then the token may be dead with the pod. */
  stop(): Promise<void>;
}

/** What became of a report: the api's code of refusal, or that it holds now. */
type Outcome = 'taken' | ProblemCode;

const FIRST_DELAY = 250;
const LONGEST_DELAY = 15_000;

export function createReporter(
  upstream: Upstream,
  log: Log,
  sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref()),
): Reporter {
  let silent = false;

  const post = async (state: RunnerStatusRequest['state'], timeout = 10_000): Promise<Outcome> => {
    const request: RunnerStatusRequest = { state };
    const body = JSON.stringify(request);
    const answer = await upstream.call({
      method: 'POST',
      path: '/v1/runner/status',
      body,
      idempotent: false,
      timeout,
    });
    if (answer.status < 300) return 'taken';
    return refusedBy(answer).code;
  };

  /**
   * true when the state was taken, false when the runner is further on already (this sidecar was restarted).
   * A refused token is tried again as well: the api may see the pod's RunnerToken a moment after the pod runs.
   */
  const insist = async (state: RunnerStatusRequest['state']): Promise<boolean> => {
    for (let delay = FIRST_DELAY; !silent; delay = Math.min(delay * 2, LONGEST_DELAY)) {
      const outcome = await post(state).catch((): Outcome => 'unavailable');
      if (outcome === 'illegal-transition') return false;
      if (outcome === 'taken') {
        log('info', 'state reported', { state });
        return true;
      }
      log('warn', 'state not taken, will try again', { state, outcome, delayMs: delay });
      await sleep(delay);
    }
    return false;
  };

  return {
    async start() {
      if (await insist('Installing')) await insist('Idle');
    },
    runnerSpoke() {
      silent = true;
    },
    async stop() {
      silent = true;
      const outcome = await post('Terminated', 2000).catch((): Outcome => 'unavailable');
      log('info', 'termination reported', { outcome });
    },
  };
}
