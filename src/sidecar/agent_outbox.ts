import type { RunnerStatusRequest } from '../protocol/runner.ts';
import type { Answer } from './call_once.ts';
import { Refused, unavailable } from './refusal.ts';
import { refusedBy } from './refused_by.ts';

/** A report that the api has not decided on. */
interface Pending {
  said: RunnerStatusRequest;
  /** The latest answer that decided nothing, such as 503. */
  last: Answer | undefined;
  decided: PromiseWithResolvers<Answer>;
}

export interface OutboxOptions {
  /** Tries once, by whatever way there is; throws when there is no answer. */
  deliver(said: RunnerStatusRequest): Promise<Answer>;
  /** Resolves after so many ms, or when there is a better way to deliver by. */
  pause(milliseconds: number): Promise<void>;
}

/** Keeps reports until the api has decided on them, and delivers them in their order, one at a time. */
export interface Outbox {
  /** The api's decision; after `timeout` ms its last word, or Refused, while the report is still kept. */
  put(said: RunnerStatusRequest, timeout: number): Promise<Answer>;
  /** Answers this to all that wait and all that come, and delivers no more. */
  end(answer: Answer): void;
}

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 15_000;
/** Four states, and as many with another message. */
const MAX_PENDING = 16;

export function createOutbox({ deliver, pause }: OutboxOptions): Outbox {
  const pending: Pending[] = [];
  let over: Answer | undefined;
  let working = false;

  async function work(): Promise<void> {
    if (working) return;
    working = true;
    let wait = FIRST_PAUSE;
    for (let first = pending[0]; first !== undefined && over === undefined; first = pending[0]) {
      const answer = await deliver(first.said).catch(() => undefined);
      if (over !== undefined) break;
      if (answer !== undefined && isDecision(answer)) {
        pending.shift();
        first.decided.resolve(answer);
        wait = FIRST_PAUSE;
        continue;
      }
      first.last = answer ?? first.last;
      await pause(wait);
      wait = Math.min(wait * 2, LONGEST_PAUSE);
    }
    working = false;
  }

  return {
    async put(said, timeout) {
      if (over !== undefined) return over;
      let entry = pending.find((one) => one.said.state === said.state && one.said.message === said.message);
      if (entry === undefined) {
        if (pending.length >= MAX_PENDING)
          throw new Refused('too-many-requests', 429, 'too many reports wait for the api');
        entry = { said, last: undefined, decided: Promise.withResolvers() };
        pending.push(entry);
      }
      void work();
      const late = new Promise<undefined>((resolve) => {
        setTimeout(resolve, timeout, undefined).unref();
      });
      const answer = (await Promise.race([entry.decided.promise, late])) ?? entry.last;
      if (answer === undefined) throw unavailable('the api did not answer; the report is kept');
      return answer;
    },
    end(answer) {
      over = answer;
      for (const { decided } of pending.splice(0)) decided.resolve(answer);
    },
  };
}

/** Whether saying it again would change nothing: it was taken, or is refused for what it says. */
function isDecision(answer: Answer): boolean {
  if (answer.status < 300) return true;
  if (answer.status >= 500 || answer.status === 401 || answer.status === 429) return false;
  return refusedBy(answer).code !== 'stale-write';
}
