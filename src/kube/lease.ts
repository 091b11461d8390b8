import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { type Clock, sleep, systemClock } from './clock.ts';
import { isKubeError } from './errors.ts';
import { LeaseKind } from './kinds.ts';
import { claimFor, type LeaseTimes, type Observation, observe, released } from './lease_rules.ts';
import type { KubeClient } from './types.ts';

/**
 * Of several processes the one that holds the Lease is the leader. Election is not fencing: a leader that was stopped
 * for a while and goes on may believe for a moment what is no longer so, therefore `held` is to be asked right before
 * each write, and it turns false at the renew deadline, seconds before another may take over.
 */
export interface LeaderLease {
  /** Starts to try; resolves once this process leads, which may be never. */
  acquire(): Promise<void>;
  /** Whether a renewal begun within the renew deadline has succeeded; by the monotonic clock. */
  held(): boolean;
  /** Ends trying and gives the Lease up, so that another takes it within its retry period. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  client: KubeClient;
  namespace: string;
  name: string;
  /** Who this is, such as the pod's name. A random part is added: a restarted process isn't its forerunner. */
  identity: string;
  /** Called once when the lease was held and is no longer: the process must end. */
  onLost: () => void;
  log: Logger;
  clock?: Clock;
  times?: LeaseTimes;
}

/** security.md: a dead leader is replaced within 13 s; client-go's 15/10/2 takes up to 24. */
const TIMES: LeaseTimes = { durationMs: 8_000, renewDeadlineMs: 5_000, retryMs: 1_000 };

export function createLeaderLease(options: LeaseOptions): LeaderLease {
  const { client, namespace, name, onLost, log, clock = systemClock, times = TIMES } = options;
  const identity = `${options.identity}_${randomBytes(4).toString('hex')}`;
  const stopping = new AbortController();
  const acquired = Promise.withResolvers<void>();
  let observation: Observation | undefined;
  /** The last write's outcome is unknown or was refused: look before the next. */
  let unsure = true;
  /** When the request of the last successful renewal was begun; undefined while not leading. */
  let renewedAt: number | undefined;
  let lost = false;
  let cancelDeadline: (() => void) | undefined;
  let running: Promise<void> | undefined;

  const held = () => renewedAt !== undefined && clock.now() - renewedAt < times.renewDeadlineMs;

  /** One look and, where the rules allow it, one write. Throws when the server refuses or is not to be reached. */
  async function tryOnce(signal: AbortSignal): Promise<void> {
    const began = clock.now();
    // While leading, the version of the last write is known: one request less, and any other write is a conflict.
    if (renewedAt === undefined || unsure || observation === undefined) {
      const lease = await client.get(LeaseKind, namespace, name, { signal });
      observation = observe(observation, lease, clock.now());
    }
    const claim = claimFor(observation, {
      namespace,
      name,
      identity,
      times,
      now: clock.now(),
      date: clock.date(),
    });
    if (claim === undefined) {
      if (renewedAt !== undefined) lose();
      return;
    }
    unsure = true;
    const written = claim.create
      ? await client.create(LeaseKind, claim.manifest, { signal })
      : await client.replace(LeaseKind, claim.manifest, { signal });
    observation = observe(observation, written, clock.now());
    unsure = false;
    renewed(began);
  }

  function renewed(began: number): void {
    // A renewal that took longer than the deadline came too late: the loss has been told already.
    if (lost) return;
    if (renewedAt === undefined) log.info({ lease: name, identity }, 'this process leads');
    renewedAt = began;
    cancelDeadline?.();
    cancelDeadline = clock.after(times.renewDeadlineMs - (clock.now() - began), lose);
    // Taken in the moment of being given up: it is released again, nobody begins to lead.
    if (!stopping.signal.aborted) acquired.resolve();
  }

  async function keep(): Promise<void> {
    while (!stopping.signal.aborted) {
      const attempt = new AbortController();
      const cancel = clock.after(times.renewDeadlineMs / 2, () => attempt.abort(new Error('took too long')));
      try {
        await tryOnce(attempt.signal);
      } catch (err) {
        unsure = true;
        if (isKubeError(err, 'conflict', 'alreadyExists')) log.debug({ lease: name }, 'another wrote first');
        else log.warn({ err, lease: name }, 'the lease could not be read or renewed');
      } finally {
        cancel();
      }
      await sleep(clock, times.retryMs * (0.8 + Math.random() * 0.2), stopping.signal);
    }
  }

  function lose(): void {
    if (renewedAt === undefined) return;
    lost = true;
    renewedAt = undefined;
    cancelDeadline?.();
    stopping.abort();
    log.error({ lease: name, identity }, 'the lease is lost');
    onLost();
  }

  return {
    held,
    acquire() {
      running ??= keep();
      return acquired.promise;
    },
    async release() {
      // A renewal under way is waited for, not aborted: without its answer the version to release is unknown.
      stopping.abort();
      await running;
      cancelDeadline?.();
      if (!held() || observation?.lease === undefined) return;
      renewedAt = undefined;
      try {
        await client.replace(LeaseKind, released(observation.lease, clock.date()));
        log.info({ lease: name, identity }, 'the lease is released');
      } catch (err) {
        log.warn({ err, lease: name }, 'the lease could not be released; it runs out by itself');
      }
    },
  };
}
