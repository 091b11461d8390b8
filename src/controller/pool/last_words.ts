import { isKubeError } from '../../kube/errors.ts';
import type { KubeClient } from '../../kube/types.ts';
import { PodPart } from '../../resources/group.ts';
import { quote } from '../quote.ts';

/** What the runner's log ends with, for a person; undefined where there is nothing, or it can't be read. */
export type LastWords = (
  namespace: string,
  runner: { name: string; uid: string },
) => Promise<string | undefined>;

const LINES = 5;
const LIMIT_BYTES = 4_096;
/** Pods whose words are remembered: they are asked for once, not at each look. */
const MOST_PODS = 1_000;
/** A log that can't be read must not hold up the pool, in ms. */
const PATIENCE_MS = 3_000;

export function createLastWords(client: Pick<KubeClient, 'podLog'>): LastWords {
  const heard = new Map<string, string | undefined>();
  return async (namespace, { name, uid }) => {
    if (heard.has(uid)) return heard.get(uid);
    const words = await client
      .podLog(namespace, name, {
        container: PodPart.runnerContainer,
        tailLines: LINES,
        limitBytes: LIMIT_BYTES,
        signal: AbortSignal.timeout(PATIENCE_MS),
      })
      .then(quote)
      .catch((error: unknown) => {
        // Whatever it is, such as a node that does not answer: the runner is late, with its words or without.
        if (isKubeError(error) || error instanceof Error) return undefined;
        throw error;
      });
    if (heard.size >= MOST_PODS) heard.clear();
    heard.set(uid, words === '' ? undefined : words);
    return heard.get(uid);
  };
}
