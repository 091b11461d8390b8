import { AGENT_CLOSES } from '../protocol/agent_close.ts';

const LEAST = 500;
const MOST = 30_000;

/**
 * How long to wait before the next try, in ms: anything up to a bound that doubles with each failure. Thousands of
 * agents lose their connection in one moment, and must not come back in one.
 */
export function pauseBefore(failures: number, random: () => number = Math.random): number {
  return random() * Math.min(MOST, LEAST * 2 ** Math.min(failures, 16));
}

/** What the end of a connection asks for: to come back (at once, or as after so many failures), or never again. */
export function afterClose(code: number): 'never' | 'at-once' | number {
  switch (code) {
    case AGENT_CLOSES.ended[0]:
    case AGENT_CLOSES.revoked[0]:
      return 'never';
    case AGENT_CLOSES.expired[0]:
      return 'at-once';
    case AGENT_CLOSES.restarting[0]:
      return 1;
    case AGENT_CLOSES.unverifiable[0]:
      return 2;
    case AGENT_CLOSES.replaced[0]:
    case AGENT_CLOSES.policy[0]:
    case AGENT_CLOSES.tooLarge[0]:
      // Somebody else speaks as this runner, or one of the two ends is wrong: neither passes in a moment.
      return 6;
    default:
      return 0;
  }
}
