import type { Cell } from './cell.ts';
import { type Health, SOUND } from './ejection.ts';

const CHECK_TIMEOUT_MS = 2_000;
const EVERY_MS = 5_000;
/** Of a cell that failed: it is to be known soon whether it is dead, or back. */
const IN_DOUBT_EVERY_MS = 1_000;
/** Share by which a pause is longer or shorter, lest all routers ask at once. */
const JITTER = 0.2;

/** Milliseconds until the next check; `random` from 0 to 1. */
export function untilNextCheck(health: Health, random: number): number {
  const pause = health === SOUND ? EVERY_MS : IN_DOUBT_EVERY_MS;
  return pause * (1 - JITTER + 2 * JITTER * random);
}

/** Asks the cell's api again and again whether it is ready. */
export function startChecks(cell: Cell, random: () => number): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const plan = (): void => {
    if (stopped) return;
    timer = setTimeout(() => void checkCell(cell).finally(plan), untilNextCheck(cell.health, random()));
    timer.unref();
  };
  plan();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** One check; the cell is told how it went. An api that says it isn't ready fails it. */
export async function checkCell(cell: Cell): Promise<void> {
  try {
    const { statusCode, body } = await cell.pool.request({
      method: 'GET',
      path: '/readyz',
      signal: AbortSignal.timeout(CHECK_TIMEOUT_MS),
    });
    await body.dump();
    if (statusCode === 200) cell.answered();
    else cell.failed('check', Object.assign(new Error('not ready'), { code: `HTTP_${statusCode}` }));
  } catch (error) {
    if (!cell.pool.closed) cell.failed('check', error as Error);
  }
}
