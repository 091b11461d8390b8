import type { Handler } from './handlers.ts';

/** The longest that a request is held; then it goes on, and the api says what is wrong. */
const LONGEST_HOLD = 5_000;

/**
 * Holds requests until `ready`. The job's container starts as soon as our port is open, so that its first request may
 * be here before the api knows the runner for Idle, and would be refused.
 */
export function held(handler: Handler, ready: Promise<void>): Handler {
  let open = false;
  void ready.then(() => {
    open = true;
  });
  return async (exchange) => {
    if (!open) {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, LONGEST_HOLD).unref();
      await Promise.race([ready, late.promise]);
      clearTimeout(timer);
    }
    return handler(exchange);
  };
}
