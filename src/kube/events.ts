import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { type Clock, systemClock } from './clock.ts';
import { isKubeError } from './errors.ts';
import { EventKind } from './kinds.ts';
import type { Kind, KubeClient, KubeObject, Manifest } from './types.ts';

export interface EventText {
  type: 'Normal' | 'Warning';
  /** CamelCase, at most 128 characters. */
  reason: string;
  /** For a person; cut at 1,024 characters. Never a secret. */
  message: string;
}

/** Tells the users of an object what happened to it. Recording never throws and never waits. */
export interface EventRecorder {
  record<T extends KubeObject>(kind: Kind<T>, object: T, text: EventText): void;
  /** Resolves when all that was recorded is written, or has failed. */
  flush(): Promise<void>;
}

/** One event object and how often it has happened since it was last written. */
interface Series {
  manifest: Manifest;
  /** Name of the event object, once there is one. */
  name: string | undefined;
  count: number;
  unwritten: number;
  writing: Promise<void> | undefined;
  /** Ends the pause after the last write. */
  endPause: (() => void) | undefined;
}

/** Repetitions within it are gathered into one write. */
const GATHER_MS = 10_000;
const MOST_SERIES = 4_096;
const MOST_MESSAGE = 1_024;

/**
 * core/v1 Events rather than events.k8s.io: `kubectl describe` shows both, and only the former may count up a message
 * without a second object. The same words about the same object are one event with a count.
 */
export function createEventRecorder(options: {
  client: KubeClient;
  /** Who reports, such as `harrier-controller`. */
  component: string;
  /** Which process of them. */
  instance: string;
  log: Logger;
  clock?: Clock;
}): EventRecorder {
  const { client, component, instance, log, clock = systemClock } = options;
  const known = new Map<string, Series>();

  async function write(series: Series): Promise<void> {
    const now = clock
      .date()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z');
    const added = series.unwritten;
    series.unwritten = 0;
    try {
      if (await countUp(series, series.count + added, now)) return;
      const { name, namespace } = series.manifest.metadata;
      const metadata = { name: `${name.slice(0, 236)}.${randomBytes(8).toString('hex')}`, namespace };
      const when = { firstTimestamp: now, lastTimestamp: now };
      await client.create(EventKind, { ...series.manifest, metadata, count: added, ...when });
      series.name = metadata.name;
      series.count = added;
    } catch (err) {
      log.warn({ err }, 'an event could not be written');
    }
  }

  /** False when there is none to count up: the apiserver drops events after an hour. */
  async function countUp(series: Series, count: number, lastTimestamp: string): Promise<boolean> {
    if (series.name === undefined) return false;
    try {
      const { namespace } = series.manifest.metadata;
      await client.mergePatch(EventKind, namespace, series.name, { count, lastTimestamp });
      series.count = count;
      return true;
    } catch (err) {
      if (isKubeError(err, 'notFound')) return false;
      throw err;
    }
  }

  /** Writes at once, and then not again for a while; what happens meanwhile goes into the next write. */
  function schedule(series: Series): void {
    if (series.unwritten === 0 || series.writing !== undefined || series.endPause !== undefined) return;
    series.writing = write(series).finally(() => {
      series.writing = undefined;
      const cancel = clock.after(GATHER_MS, () => series.endPause?.());
      series.endPause = () => {
        cancel();
        series.endPause = undefined;
        schedule(series);
      };
    });
  }

  function remember(key: string, series: Series): void {
    // Newest last: what has not happened for longest is forgotten first, its write goes on by itself.
    known.delete(key);
    known.set(key, series);
    if (known.size <= MOST_SERIES) return;
    const [oldest] = known.keys();
    if (oldest !== undefined) known.delete(oldest);
  }

  return {
    record(kind, object, { type, reason, message }) {
      const { uid, name, namespace } = object.metadata;
      const text = message.slice(0, MOST_MESSAGE);
      const key = [uid, type, reason, text].join('\n');
      const series = known.get(key) ?? {
        manifest: {
          apiVersion: 'v1',
          kind: 'Event',
          metadata: { name, namespace },
          involvedObject: { apiVersion: kind.apiVersion, kind: kind.kind, name, namespace, uid },
          type,
          reason,
          message: text,
          source: { component },
          reportingComponent: component,
          reportingInstance: instance,
        },
        name: undefined,
        count: 0,
        unwritten: 0,
        writing: undefined,
        endPause: undefined,
      };
      remember(key, series);
      series.unwritten += 1;
      schedule(series);
    },
    async flush() {
      await Promise.all(
        [...known.values()].map(async (series) => {
          await series.writing;
          series.endPause?.();
          await series.writing;
          series.endPause?.();
        }),
      );
    },
  };
}
