import { describe, expect, it } from 'vitest';
import type { Runner } from '../../../src/controller/pool/observed.ts';
import type { AskedForge, RunnerInForge } from '../../../src/controller/pool/observed_forge.ts';
import { plan } from '../../../src/controller/pool/plan.ts';
import type { SlotFailure } from '../../../src/resources/runner_pool.ts';
import { NOW, observed, pool, runner, secondsAgo, spec } from './builders.ts';

const asks = { type: 'github', url: 'https://github.com', credentialsSecretRef: { name: 'forge' } };
const record = { id: '1', name: 'record', state: 'Offline' } as const;

/** A runner that ended with exit code 0 ten seconds ago, and that its forge was never seen to know. */
function ended(of: Partial<RunnerInForge> = {}, changes: Partial<Runner> = {}): Runner {
  const forge = { name: 'record', made: true, joined: false, busy: false, ...of };
  return runner(0, 'Idle', { phase: 'Succeeded', endedAtMs: secondsAgo(10), forge, ...changes });
}

function planned(one: Runner, forge: Partial<AskedForge> = {}, failures: SlotFailure[] = []) {
  const asked: AskedForge = {
    ...{ standing: 'Fine', askedAtMs: secondsAgo(1), records: [record], joining: [], kept: [] },
    ...forge,
  };
  const scope = { type: 'repository', name: 'acme/app' };
  const status = { ...plan(observed(), NOW).status, failures };
  const seen = observed({
    pool: pool({
      hasForgeFinalizer: true,
      spec: spec({ replicas: 1, forge: { ...asks, scope } }),
      status,
    }),
    credentials: 'Present',
    forge: asked,
    runners: [one],
  });
  const { actions, status: next } = plan(seen, NOW);
  return { types: actions.map(({ type }) => type), failures: next.failures };
}

const OVER = ['DeleteRunner', 'RemoveRecord', 'CreateRunner'];

describe('a runner that ended well and was never seen to join', () => {
  it('is waited for, with its slot and its record, until its forge was asked after its end', () => {
    for (const forge of [
      { askedAtMs: secondsAgo(11) },
      { askedAtMs: secondsAgo(8) },
      { standing: 'Failing' },
    ] as const)
      expect(planned(ended(), forge)).toEqual({ types: [], failures: [] });
  });

  it('has failed to start when its record is still there', () => {
    const { failures } = planned(ended());
    expect(failures).toMatchObject([{ slot: 0, attempt: 1, reason: 'RunnerExited' }]);
    expect(failures[0]?.message).toContain('ended before it had joined its forge');
    // Once that is on record it goes, and its slot pauses.
    expect(planned(ended(), {}, failures)).toEqual({ types: ['DeleteRunner', 'RemoveRecord'], failures });
  });

  it.each<[string, Runner]>([
    ['its record went with its job', ended({ made: false, goneSinceMs: secondsAgo(5) })],
    ['it was seen to join', ended({ joined: true })],
    ['its forge called it busy', ended({ busy: true })],
    ['it said that it had a job', ended({}, { token: { phase: 'Active', busySinceMs: secondsAgo(20) } })],
    ['nobody knows when it ended', ended({}, { endedAtMs: undefined })],
  ])('is replaced at once when %s', (_, one) => {
    expect(planned(one)).toEqual({ types: OVER, failures: [] });
  });
});
