import { z } from 'zod';
import type { Secret } from '../kube/kinds.ts';
import type { Informer } from '../kube/types.ts';
import { HANDOVER_SECRET, handoverKey } from '../resources/group.ts';

export interface Handover {
  /** What the controller put there for this request; undefined when it did not in time. Given once. */
  take(tokenUid: string, requestId: string, timeoutMs: number): Promise<Record<string, string> | undefined>;
}

const values = z.record(z.string(), z.string());

/** What nobody has asked for yet is kept for so long, in ms: the answer may overtake the one to the api's own write. */
const KEPT_MS = 5_000;

/** Takes what the controller hands over, as the watch of the hand-over Secret brings it. */
export function followHandover(secrets: Pick<Informer<Secret>, 'onChange'>): Handover {
  const arrived = new Map<string, string>();
  const waiting = new Map<string, (text: string) => void>();
  /** Entries may stand in several versions in a row. */
  const given = new Set<string>();

  function arrive(key: string, text: string): void {
    const waiter = waiting.get(key);
    if (waiter !== undefined) {
      waiting.delete(key);
      forgetLater(given, key);
      waiter(text);
    } else if (!given.has(key) && !arrived.has(key)) {
      arrived.set(key, text);
      setTimeout(() => arrived.delete(key), KEPT_MS).unref();
    }
  }

  secrets.onChange(({ type, object }) => {
    if (type === 'deleted' || object.metadata.name !== HANDOVER_SECRET) return;
    for (const [key, text] of Object.entries(object.data ?? {})) arrive(key, text);
  });

  return {
    async take(tokenUid, requestId, timeoutMs) {
      const key = handoverKey(tokenUid, requestId);
      const there = arrived.get(key);
      if (there !== undefined) {
        arrived.delete(key);
        forgetLater(given, key);
        return read(there);
      }
      const text = await new Promise<string | undefined>((resolve) => {
        const timer = setTimeout(() => {
          waiting.delete(key);
          resolve(undefined);
        }, timeoutMs);
        waiting.set(key, (come) => {
          clearTimeout(timer);
          resolve(come);
        });
      });
      return text === undefined ? undefined : read(text);
    },
  };
}

function read(text: string): Record<string, string> | undefined {
  try {
    return values.parse(JSON.parse(Buffer.from(text, 'base64').toString('utf8')));
  } catch {
    // No cause: it would quote the secret.
    return undefined;
  }
}

function forgetLater(keys: Set<string>, key: string): void {
  keys.add(key);
  setTimeout(() => keys.delete(key), KEPT_MS).unref();
}
