import { isKubeError } from '../kube/errors.ts';
import { RunnerTokenKind } from '../kube/kinds.ts';
import type { Informer, KubeClient } from '../kube/types.ts';
import { FieldManager } from '../resources/group.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { type ApiStatus, apiStatusManifest } from './api_status.ts';
import { problem } from './problem.ts';

export interface WriteApiStatusOptions {
  client: Pick<KubeClient, 'get' | 'applyStatus'>;
  tokens: Pick<Informer<RunnerToken>, 'store'>;
}

/**
 * Writes what `decide` makes of the token as it is, and of how it has become when another write came first; nothing
 * when it decides on nothing. Answers the token as it then is. Throws what `decide` throws, else `stale-write`,
 * `not-found` or `unavailable`.
 */
export type WriteApiStatus = (
  token: RunnerToken,
  decide: (token: RunnerToken) => Partial<ApiStatus> | undefined,
  options?: { tries?: number },
) => Promise<RunnerToken>;

/** The controller writes to the same status, and other calls may; not so often in a row. */
const TRIES = 10;

export function createWriteApiStatus({ client, tokens }: WriteApiStatusOptions): WriteApiStatus {
  return async (held, decide, { tries = TRIES } = {}) => {
    let token = held;
    for (let tried = 1; tried <= tries; tried++) {
      const changes = decide(token);
      if (changes === undefined) return token;
      try {
        const written = await client.applyStatus(RunnerTokenKind, apiStatusManifest(token, changes), {
          fieldManager: FieldManager.api,
          force: true,
        });
        tokens.store.absorb(written);
        return written;
      } catch (error) {
        if (!isKubeError(error, 'conflict')) throw unavailable(error);
      }
      token = await reread(token);
    }
    throw problem('stale-write', 'Other writes kept coming first; retry.');
  };

  async function reread({ metadata }: RunnerToken): Promise<RunnerToken> {
    const { namespace, name, uid } = metadata;
    const read = await client.get(RunnerTokenKind, namespace, name).catch((error) => {
      throw unavailable(error);
    });
    if (read?.metadata.uid !== uid) throw gone();
    return read;
  }
}

function gone() {
  return problem('not-found', 'The token of this runner is gone.');
}

function unavailable(cause: unknown) {
  if (isKubeError(cause, 'notFound')) return gone();
  return problem('unavailable', 'What is asked for could not be written down; retry.', {
    headers: { 'retry-after': '1' },
    cause,
  });
}
