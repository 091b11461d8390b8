import { isKubeError } from '../../kube/errors.ts';
import { RunnerTokenKind } from '../../kube/kinds.ts';
import type { Informer, KubeClient } from '../../kube/types.ts';
import { FieldManager } from '../../resources/group.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import type { Clock } from '../../tokens/clock.ts';
import { apiStatusManifest } from '../api_status.ts';
import { unauthorized } from '../authenticate.ts';
import { problem } from '../problem.ts';
import { type Claim, decideUses } from './decide_uses.ts';

export interface Uses {
  /**
   * Takes one use of the Registration token for this runner; resolves to the token as it was then, which let it in.
   * Throws a problem (`registration-used`, `-inactive`, `-expired`, `unauthorized` when it is gone, `unavailable`).
   */
  take(registration: RunnerToken, claim: Claim): Promise<RunnerToken>;
}

export interface UsesOptions {
  client: Pick<KubeClient, 'get' | 'applyStatus'>;
  tokens: Pick<Informer<RunnerToken>, 'store'>;
  now: Clock;
}

interface Waiting {
  claim: Claim;
  resolve(registration: RunnerToken): void;
  reject(error: unknown): void;
}

/** Other writers of the same token: the controller and as many replicas as there are. */
const TRIES = 12;

/**
 * Uses are taken by compare-and-swap on the token's status, so that of all replicas one wins each. Whoever comes while a
 * write is under way shares the next one: a thousand at once are a few writes, and not a thousand conflicts.
 */
export function createUses({ client, tokens, now }: UsesOptions): Uses {
  const queues = new Map<string, Waiting[]>();

  async function run(first: RunnerToken, queue: Waiting[]): Promise<void> {
    let token = first;
    while (queue.length > 0) {
      const group = queue.splice(0);
      try {
        token = await settle(token, group);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    queues.delete(first.metadata.uid);
  }

  /** Decides over a group and writes its uses; answers the token as written. */
  async function settle(seen: RunnerToken, group: readonly Waiting[]): Promise<RunnerToken> {
    let token = tokens.store.byUid(seen.metadata.uid) ?? seen;
    for (let tries = 1; tries <= TRIES; tries++) {
      const claims = group.map(({ claim }) => claim);
      const { verdicts, status } = decideUses(token, claims, new Date(now()));
      try {
        const written = status === undefined ? token : await write(token, status);
        verdicts.forEach((verdict, index) => {
          if (verdict === 'taken' || verdict === 'taken-before') group[index]?.resolve(written);
          else group[index]?.reject(verdict);
        });
        return written;
      } catch (error) {
        if (!isKubeError(error, 'conflict', 'notFound')) throw unavailable(error);
      }
      token = await reread(token);
    }
    throw problem('unavailable', 'Other registrations kept coming first; retry.', {
      headers: { 'retry-after': '1' },
    });
  }

  async function write(token: RunnerToken, status: Parameters<typeof apiStatusManifest>[1]) {
    const written = await client.applyStatus(RunnerTokenKind, apiStatusManifest(token, status), {
      fieldManager: FieldManager.api,
      force: true,
    });
    tokens.store.absorb(written);
    return written;
  }

  async function reread(token: RunnerToken): Promise<RunnerToken> {
    const { namespace, name, uid } = token.metadata;
    const read = await client.get(RunnerTokenKind, namespace, name).catch((error) => {
      throw unavailable(error);
    });
    if (read?.metadata.uid !== uid) throw unauthorized('unknown-token');
    return read;
  }

  return {
    take(registration, claim) {
      return new Promise((resolve, reject) => {
        const { uid } = registration.metadata;
        const queue = queues.get(uid);
        if (queue !== undefined) {
          queue.push({ claim, resolve, reject });
          return;
        }
        const fresh = [{ claim, resolve, reject }];
        queues.set(uid, fresh);
        // A turn later, so that those who came in the same moment share the first write already.
        setImmediate(() => void run(registration, fresh));
      });
    },
  };
}

function unavailable(cause: unknown) {
  return problem('unavailable', 'The registration could not be counted; retry.', {
    headers: { 'retry-after': '1' },
    cause,
  });
}
