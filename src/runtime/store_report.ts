import { isKubeError } from '../kube/errors.ts';
import { RunnerTokenKind } from '../kube/kinds.ts';
import type { Informer, KubeClient } from '../kube/types.ts';
import type { RunnerStatusRequest } from '../protocol/runner.ts';
import { FieldManager } from '../resources/group.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import type { Clock } from '../tokens/clock.ts';
import { apiStatusManifest } from './api_status.ts';
import { problem } from './problem.ts';
import { nextReport, type Report } from './transition.ts';

export interface StoreReportOptions {
  client: Pick<KubeClient, 'get' | 'applyStatus'>;
  tokens: Pick<Informer<RunnerToken>, 'store'>;
  now: Clock;
}

export type StoreReport = (token: RunnerToken, said: RunnerStatusRequest) => Promise<Report>;

/** The controller writes to the same status, so the version may be passed by now and then; not so often in a row. */
const TRIES = 5;

/**
 * Writes what a runner says of itself to its RunnerToken's status, if it may go there from where it is, and answers
 * the report as stored. Throws a problem: `illegal-transition`, `stale-write`, `unavailable`.
 */
export function createStoreReport({ client, tokens, now }: StoreReportOptions): StoreReport {
  return async (held, said) => {
    let token = held;
    for (let tries = 1; tries <= TRIES; tries++) {
      const before = token.status?.runner;
      const report = nextReport(before, said, new Date(now()));
      if (report === undefined) {
        throw problem('illegal-transition', `A runner that is ${before?.state} can't become ${said.state}.`);
      }
      if (report === before) return report;
      try {
        const written = await client.applyStatus(
          RunnerTokenKind,
          apiStatusManifest(token, { runner: report }),
          {
            fieldManager: FieldManager.api,
            force: true,
          },
        );
        tokens.store.absorb(written);
        return written.status?.runner ?? report;
      } catch (error) {
        if (!isKubeError(error, 'conflict')) throw unavailable(error);
      }
      token = await reread(token);
    }
    throw problem('stale-write', 'Other writes kept coming first; retry.');
  };

  async function reread(token: RunnerToken): Promise<RunnerToken> {
    const { namespace, name, uid } = token.metadata;
    const read = await client.get(RunnerTokenKind, namespace, name).catch((error) => {
      throw unavailable(error);
    });
    if (read?.metadata.uid !== uid) throw problem('not-found', 'The token of this runner is gone.');
    return read;
  }
}

function unavailable(cause: unknown) {
  if (isKubeError(cause, 'notFound')) return problem('not-found', 'The token of this runner is gone.');
  return problem('unavailable', 'The report could not be stored; retry.', {
    headers: { 'retry-after': '1' },
    cause,
  });
}
