import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { backoff } from '../../kube/backoff.ts';
import type { Clock } from '../../tokens/clock.ts';
import type { WritePoolStatus } from '../pool_status/write_pool_status.ts';
import type { ServedPool } from '../served_pools.ts';

export interface HintsOptions {
  write: WritePoolStatus;
  now: Clock;
  log: Logger;
  /** Counts a write to the apiserver. */
  onWrite(outcome: 'written' | 'failed'): void;
  /** Of one pool there is at most one write in so long, in ms. */
  everyMs?: number;
}

/** Tells the controller, by RunnerPool.status.webhook, that it should ask a pool's forge at once. */
export interface Hints {
  /** Resolves once this hint or a later one of the same pool is written, or the pool is gone; goes on trying until then. */
  tell(pool: ServedPool, delivery: string): Promise<void>;
  /** Ends what is under way; what was not written by then is found by the controller's next poll. */
  stop(): Promise<void>;
}

const EVERY_MS = 1_000;
/** A write that takes longer is given up and made anew. */
const WRITE_WITHIN_MS = 5_000;

const AFTER_FAILURE = { least: 500, most: 30_000 };

/** What waits to be written of one pool: only the newest counts, and its write answers for all before it. */
interface Batch {
  pool: ServedPool;
  webhook: { delivery: string; at: string };
  written: PromiseWithResolvers<void>;
}

interface Line {
  next: Batch | undefined;
  running: Promise<void> | undefined;
}

export function createHints({ write, now, log, onWrite, everyMs = EVERY_MS }: HintsOptions): Hints {
  const lines = new Map<string, Line>();
  const stopping = new AbortController();

  async function attempt({ pool, webhook }: Batch): Promise<boolean> {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(WRITE_WITHIN_MS)]);
    try {
      await write(pool, () => ({ webhook }), { signal });
      onWrite('written');
      return true;
    } catch (error) {
      onWrite('failed');
      const { namespace, name } = pool.metadata;
      log.warn({ err: error, pool: `${namespace}/${name}` }, 'the hint of a webhook was not written');
      return false;
    }
  }

  /** Writes while there is something to write, and keeps the pause after the last write as well. */
  async function run(uid: string, line: Line): Promise<void> {
    const pauses = backoff(AFTER_FAILURE);
    for (let batch = take(line); batch !== undefined && !stopping.signal.aborted; batch = take(line)) {
      const written = await attempt(batch);
      if (written) {
        pauses.reset();
        batch.written.resolve();
      } else putBack(line, batch);
      const pause = everyMs + (written ? 0 : pauses.next());
      await sleep(pause, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
    }
    lines.delete(uid);
  }

  return {
    tell(pool, delivery) {
      const { uid } = pool.metadata;
      const line = lines.get(uid) ?? { next: undefined, running: undefined };
      lines.set(uid, line);
      const webhook = { delivery, at: new Date(now()).toISOString() };
      line.next = { pool, webhook, written: line.next?.written ?? Promise.withResolvers<void>() };
      const { promise } = line.next.written;
      line.running ??= run(uid, line);
      return promise;
    },
    async stop() {
      stopping.abort(new Error('the api ends'));
      await Promise.all([...lines.values()].map(({ running }) => running));
    },
  };
}

function take(line: Line): Batch | undefined {
  const batch = line.next;
  line.next = undefined;
  return batch;
}

/** What came meanwhile answers for this one too. */
function putBack(line: Line, batch: Batch): void {
  if (line.next === undefined) line.next = batch;
  else void line.next.written.promise.then(batch.written.resolve);
}
