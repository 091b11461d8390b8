import { setTimeout as pause } from 'node:timers/promises';
import { backoff } from './backoff.ts';
import { isKubeError } from './errors.ts';
import type { InformerMetrics } from './informer_metrics.ts';
import type { FedStore } from './store.ts';
import type { InformerOptions, InformerTimes, KubeObject, Malformed, WatchEvent } from './types.ts';

export interface NamespaceState {
  /** The first list is in the store. */
  listed: boolean;
  /** A watch is open, and was heard of within `silence`. */
  open: boolean;
}

interface Keeping<T extends KubeObject> extends InformerOptions<T> {
  namespace: string;
  state: NamespaceState;
  store: FedStore<T>;
  metrics: InformerMetrics;
  signal: AbortSignal;
  onListed: () => void;
}

const TIMES: InformerTimes = {
  // The apiserver sends a bookmark about each minute.
  silenceMs: 90_000,
  resyncMs: 600_000,
  backoffMs: { least: 100, most: 5_000 },
};

/**
 * Lists and watches one namespace until the signal aborts. A broken stream is taken up again at the last version seen,
 * so nothing is lost; a list is made anew where that version is gone (410), or where a line could not be read. It
 * never gives up: an informer that ended would serve a frozen picture of the cluster.
 */
export async function keepNamespace<T extends KubeObject>(keeping: Keeping<T>): Promise<void> {
  const { state, log, metrics, signal } = keeping;
  const times = { ...TIMES, ...keeping.times };
  const wait = backoff(times.backoffMs);
  const resync = setInterval(() => void relist(keeping), times.resyncMs * (0.8 + 0.4 * Math.random()));
  let version: string | undefined;

  while (!signal.aborted) {
    let heard = false;
    try {
      version ??= await listOnce(keeping);
      keeping.onListed();
      await watchOnce(keeping, times.silenceMs, version, (later) => {
        version = later;
        heard = true;
        wait.reset();
      });
      // A server that closes watches at once must not be asked in a tight circle.
      if (!heard) await idle(wait.next(), signal);
    } catch (err) {
      if (signal.aborted) break;
      if (isKubeError(err, 'gone', 'malformed')) version = undefined;
      metrics.failed(isKubeError(err) ? err.kind : 'other');
      log.warn({ err, relist: version === undefined }, 'the watch broke');
      await idle(wait.next(), signal);
    }
  }
  clearInterval(resync);
  state.open = false;
}

async function idle(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => undefined);
}

/** Compares everything with a new list while the watch goes on; the store knows which of the two is newer. */
async function relist<T extends KubeObject>(keeping: Keeping<T>): Promise<void> {
  if (!keeping.state.open) return;
  try {
    await listOnce(keeping);
  } catch (err) {
    if (!keeping.signal.aborted) keeping.log.warn({ err }, 'the periodic list failed');
  }
}

async function listOnce<T extends KubeObject>(keeping: Keeping<T>): Promise<string> {
  const { client, kind, namespace, labelSelector, fieldSelector, store, state, metrics, signal } = keeping;
  const mark = store.beforeList();
  const list = await client.list(kind, namespace, {
    labelSelector,
    fieldSelector,
    signal,
  });
  store.replace(namespace, list, mark);
  for (const one of list.malformed) report(keeping, one);
  state.listed = true;
  metrics.listed();
  return list.resourceVersion;
}

/** One watch, broken off when nothing was heard of it for `silenceMs`. */
async function watchOnce<T extends KubeObject>(
  keeping: Keeping<T>,
  silenceMs: number,
  from: string,
  onVersion: (version: string) => void,
): Promise<void> {
  const { client, kind, namespace, labelSelector, fieldSelector, state, metrics, signal } = keeping;
  const ending = new AbortController();
  const silent = setTimeout(() => ending.abort(new Error('nothing was heard of the watch')), silenceMs);
  const options = {
    labelSelector,
    fieldSelector,
    resourceVersion: from,
    signal: AbortSignal.any([signal, ending.signal]),
    onOpen: () => {
      state.open = true;
      silent.refresh();
    },
  };
  try {
    await client.watch(kind, namespace, options, (event) => {
      silent.refresh();
      onVersion(take(keeping, event));
      metrics.received(event.type);
    });
  } finally {
    state.open = false;
    clearTimeout(silent);
  }
}

/** Brings the event into the store; returns the version from which a next watch goes on. */
function take<T extends KubeObject>(keeping: Keeping<T>, event: WatchEvent<T>): string {
  const { store } = keeping;
  switch (event.type) {
    case 'BOOKMARK':
      return event.resourceVersion;
    case 'ADDED':
    case 'MODIFIED':
      store.set(event.object);
      break;
    case 'DELETED':
      store.delete(event.object);
      break;
    default:
      report(keeping, event.object);
      store.leaveOut(event.object, event.type === 'MALFORMED_DELETED');
  }
  return event.object.metadata.resourceVersion;
}

function report<T extends KubeObject>({ log, metrics }: Keeping<T>, { metadata, problem }: Malformed): void {
  metrics.failed('malformedObject');
  log.error(
    { name: metadata.name, uid: metadata.uid, problem },
    'an object could not be read and is left out',
  );
}
