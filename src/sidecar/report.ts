import type { ProblemCode } from '../protocol/problem.ts';
import type { RunnerState } from '../resources/runner_token_status.ts';
import type { Log } from './log.ts';
import { refusedBy } from './refused_by.ts';
import type { StateReports } from './state_reports.ts';

export interface Reporter {
  /**
   * Says Installing, and Idle once the runner is installed; goes on until the api has heard both or the runner speaks
   * for itself.
   */
  start(): Promise<void>;
  /** The runner has reported this state of its own through us: from then on ours would be stale. */
  runnerSpoke(state: RunnerState | undefined): void;
  /** Resolves when the api knows the runner for one that may work, since it serves the cache to no other. */
  readonly working: Promise<void>;
  /** Says Terminated once, best effort: by then the token may be dead with the pod. */
  stop(): Promise<void>;
}

/** What became of a report: the api's code of refusal, or that it holds now. */
type Outcome = 'taken' | ProblemCode;

const FIRST_DELAY = 250;
const LONGEST_DELAY = 15_000;

export function createReporter(
  reports: StateReports,
  log: Log,
  /** Resolves once the runner is installed; asked for when the api knows it for Installing. */
  installed: () => Promise<void> = async () => {},
  sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref()),
): Reporter {
  const working = Promise.withResolvers<void>();
  let silent = false;
  let ended = false;

  const say = async (state: RunnerState, timeout = 10_000): Promise<Outcome> => {
    const answer = await reports.say({ state }, timeout);
    if (answer.status < 300) return 'taken';
    return refusedBy(answer).code;
  };

  /**
   * true when the state was taken, false when the runner is further on already (this sidecar was restarted).
   * A refused token is tried again as well: the api may see the pod's RunnerToken a moment after the pod runs.
   */
  const insist = async (state: RunnerState): Promise<boolean> => {
    for (let delay = FIRST_DELAY; !silent; delay = Math.min(delay * 2, LONGEST_DELAY)) {
      const outcome = await say(state).catch((): Outcome => 'unavailable');
      if (outcome === 'illegal-transition' || outcome === 'wrong-state') return false;
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
    working: working.promise,
    async start() {
      if (await insist('Installing')) {
        await installed();
        await insist('Idle');
      }
      working.resolve();
    },
    runnerSpoke(state) {
      silent = true;
      ended ||= state === 'Terminated';
      working.resolve();
    },
    async stop() {
      silent = true;
      working.resolve();
      if (ended) return;
      const outcome = await say('Terminated', 2000).catch((): Outcome => 'unavailable');
      // A runner that has ended is served nothing more, not even to say it again: then the api knows.
      const known = outcome === 'wrong-state' || outcome === 'illegal-transition';
      log('info', 'termination reported', { outcome: known ? 'known already' : outcome });
    },
  };
}
