import type { KubeClient } from '../kube/types.ts';
import { FieldManager, HANDOVER_SECRET, handoverKey } from '../resources/group.ts';
import { secretHeadKind } from './kinds.ts';

/** What is handed over: secret texts by name, such as `token`. */
export type HandedOver = Record<string, string>;

export interface Handover {
  /** Resolves when the api replica that asked can read it. */
  put(tokenUid: string, requestId: string, values: HandedOver): Promise<void>;
  /** Takes away what a leader left behind that died with an answer under way. */
  clear(): Promise<void>;
}

interface Entry {
  key: string;
  text: string;
  written(): void;
  failed(error: unknown): void;
}

/**
 * Characters of base64 in one write: a Secret may hold 1 MiB (core/v1, MaxSecretSize), and a JWT takes about 2 KiB, what
 * joins a forge some more.
 */
const MOST_AT_ONCE = 500_000;
/** When nothing more comes, the Secret is emptied after so long, in ms. */
const CLEAR_AFTER_MS = 500;

/**
 * Hands secrets to the api by one Secret in Harrier's own namespace, the only one that the api may read. A write holds
 * what has come since the last one and nothing older: the api watches, and a watch brings every version. What a broken
 * watch makes it miss is asked for again.
 */
export function createHandover({
  client,
  namespace,
}: {
  client: Pick<KubeClient, 'apply'>;
  namespace: string;
}): Handover {
  let waiting: Entry[] = [];
  let writing = false;
  let clearing: NodeJS.Timeout | undefined;

  async function write(entries: readonly Entry[]): Promise<void> {
    await client.apply(
      secretHeadKind,
      {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'Opaque',
        metadata: { name: HANDOVER_SECRET, namespace },
        data: Object.fromEntries(entries.map(({ key, text }) => [key, text])),
      },
      { fieldManager: FieldManager.controller, force: true },
    );
  }

  async function drain(): Promise<void> {
    if (writing) return;
    writing = true;
    clearTimeout(clearing);
    while (waiting.length > 0) {
      const batch = waiting.slice(0, fitting(waiting));
      waiting = waiting.slice(batch.length);
      try {
        await write(batch);
        for (const entry of batch) entry.written();
      } catch (error) {
        for (const entry of batch) entry.failed(error);
      }
    }
    writing = false;
    // Best effort: a leader that dies before it leaves an entry that only the api can read, until the next one begins.
    clearing = setTimeout(() => void write([]).catch(() => undefined), CLEAR_AFTER_MS);
    clearing.unref();
  }

  return {
    async clear() {
      if (waiting.length === 0 && !writing) await write([]);
    },
    put(tokenUid, requestId, values) {
      return new Promise((written, failed) => {
        const text = Buffer.from(JSON.stringify(values)).toString('base64');
        waiting.push({ key: handoverKey(tokenUid, requestId), text, written, failed });
        void drain();
      });
    },
  };
}

/** How many of the first entries go into one write; at least one, of which the apiserver says when it is too large. */
function fitting(entries: readonly Entry[]): number {
  let size = 0;
  const over = entries.findIndex(({ text }, index) => {
    size += text.length;
    return index > 0 && size > MOST_AT_ONCE;
  });
  return over < 0 ? entries.length : over;
}
