import { describe, expect, it } from 'vitest';
import type { PoolAction } from '../../../src/controller/action.ts';
import { poolEvents } from '../../../src/controller/pool/events.ts';
import { plan } from '../../../src/controller/pool/plan.ts';
import { NOW, observed, pool, runner, spec } from './builders.ts';

function removed(count: number, reason: 'ScaledDown' | 'DrainTimeout'): PoolAction[] {
  return Array.from({ length: count }, (_, index) => ({
    type: 'DeleteRunner',
    runner: { name: `r-${index}`, uid: `u-${index}` },
    reason,
  }));
}

describe('poolEvents', () => {
  it('tells of many runners in one event a reason', () => {
    const seen = observed();
    const events = poolEvents(
      seen,
      [...removed(200, 'ScaledDown'), ...removed(1, 'DrainTimeout')],
      plan(seen, NOW).status,
    );
    expect(events).toEqual([
      { type: 'Normal', reason: 'ScaledDown', message: 'removed 200 runners: r-0, r-1, r-2 and 197 more' },
      {
        type: 'Warning',
        reason: 'DrainTimeout',
        message: 'removed while busy, drainTimeout is over: runner r-0',
      },
    ]);
  });

  it('tells of a failed start once, when it is put on record', () => {
    const failed = runner(0, undefined, { phase: 'Failed', trouble: 'exit code 3' });
    const seen = observed({ pool: pool({ spec: spec({ replicas: 1 }) }), runners: [failed] });
    const { status } = plan(seen, NOW);
    expect(poolEvents(seen, [], status)).toEqual([
      {
        type: 'Warning',
        reason: 'RunnerStartFailed',
        message: 'slot 0, attempt 1: runner linux-0 ended before it had a job: exit code 3',
      },
    ]);
    const next = { ...seen, pool: { ...seen.pool, status } };
    expect(poolEvents(next, [], plan(next, NOW).status)).toEqual([]);
  });

  it('tells of missing credentials once, by name', () => {
    const forge = { type: 'gitea', url: 'https://git.example', credentialsSecretRef: { name: 'login' } };
    const seen = observed({ pool: pool({ spec: spec({ forge }) }), credentials: 'Missing' });
    const { status } = plan(seen, NOW);
    expect(poolEvents(seen, [], status)).toMatchObject([
      { reason: 'CredentialsSecretMissing', message: expect.stringContaining('login') },
    ]);
    expect(poolEvents({ ...seen, pool: { ...seen.pool, status } }, [], status)).toEqual([]);
  });
});
