import { isKubeError } from '../kube/errors.ts';
import { RunnerTokenKind } from '../kube/kinds.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { Failed } from './failure.ts';
import type { Cluster } from './open_cluster.ts';

/** Waits until the controller has made the token's value, or taken the user's; throws Failed when it will not be. */
export async function waitUntilActive(
  token: RunnerToken,
  { client, namespace }: Cluster,
  timeoutMs: number,
  interrupted: AbortSignal,
): Promise<RunnerToken> {
  const { name, uid } = token.metadata;
  let latest = token;
  const late = AbortSignal.timeout(timeoutMs);
  while (!hasCome(latest)) {
    const enough = new AbortController();
    const signal = AbortSignal.any([late, interrupted, enough.signal]);
    const { resourceVersion } = latest.metadata;
    const watching = { fieldSelector: `metadata.name=${name}`, resourceVersion, signal };
    try {
      await client.watch(RunnerTokenKind, namespace, watching, (event) => {
        if (event.type === 'BOOKMARK') return;
        const waiting =
          event.type === 'MODIFIED' && event.object.metadata.uid === uid && !hasCome(event.object);
        // Come, deleted, or another's by now: a look tells.
        if (!waiting) enough.abort();
        else latest = event.object;
      });
    } catch (error) {
      if (interrupted.aborted) throw new Failed(`interrupted; ${name} was made, and stays`);
      if (late.aborted) throw notYet(latest, timeoutMs);
      if (!enough.signal.aborted && !isKubeError(error, 'transient', 'gone')) throw error;
    }
    const read = await client.get(RunnerTokenKind, namespace, name);
    if (read?.metadata.uid !== uid) throw new Failed(`${name} was deleted before it had its value`);
    latest = read;
  }
  if (latest.status?.phase !== 'Active')
    throw new Failed(
      `${name} is ${latest.status?.phase}: ${latest.status?.message ?? latest.status?.reason ?? ''}`,
    );
  return latest;
}

function hasCome({ status }: RunnerToken): boolean {
  return status?.phase !== undefined && status.phase !== 'Pending';
}

function notYet({ metadata: { name, namespace }, status }: RunnerToken, timeoutMs: number): Failed {
  const heard = status?.message ?? status?.reason;
  const why =
    heard === undefined
      ? `no controller has looked at it: does one run, and does it serve the namespace ${namespace}?`
      : `${heard}.`;
  return new Failed(
    `${name} was made, but has no value after ${timeoutMs / 1000} s: ${why} harrier token describe ${name} -n ${namespace} shows when it has.`,
  );
}
