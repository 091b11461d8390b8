import { describe, expect, it } from 'vitest';
import { withRefusedCreation } from '../../../src/controller/pool/conditions.ts';
import type { Observed } from '../../../src/controller/pool/observed.ts';
import { plan } from '../../../src/controller/pool/plan.ts';
import { NOW, observed, pool, runner, secondsAgo, spec } from './builders.ts';

const three = [runner(0, 'Idle'), runner(1, 'Busy'), runner(2, 'Idle')];

/** Ready, Progressing and Degraded in short, such as `True/AllReady`. */
function conditionsOf(changes: Partial<Observed>): string[] {
  const { conditions } = plan(observed(changes), NOW).status;
  return ['Ready', 'Progressing', 'Degraded'].map((type) => {
    const one = conditions.find((condition) => condition.type === type);
    return `${one?.status}/${one?.reason}`;
  });
}

const CASES: [string, Partial<Observed>, string[]][] = [
  ['a new pool', {}, ['False/RunnersStarting', 'True/RunnersStarting', 'False/AsExpected']],
  ['all idle or busy', { runners: three }, ['True/AllReady', 'False/Settled', 'False/AsExpected']],
  [
    'no runners asked for',
    { pool: pool({ spec: spec({ replicas: 0 }) }) },
    ['True/ScaledToZero', 'False/Settled', 'False/AsExpected'],
  ],
  [
    'a busy runner too many',
    { pool: pool({ spec: spec({ replicas: 0 }) }), runners: [runner(0, 'Busy')] },
    ['True/ScaledToZero', 'True/ScalingDown', 'False/AsExpected'],
  ],
  [
    'an old busy runner',
    { runners: [runner(0, 'Busy', { templateHash: 'old' }), runner(1, 'Idle'), runner(2, 'Idle')] },
    ['True/AllReady', 'True/RollingOut', 'False/AsExpected'],
  ],
  [
    'certificates on their way',
    { interception: { standing: 'Given', host: 'results.example.com', ready: false } },
    ['False/RunnersStarting', 'True/RunnersStarting', 'False/AsExpected'],
  ],
  [
    'certificates that cannot be made',
    { interception: { standing: 'Given', host: 'results.example.com', ready: false, trouble: 'why' } },
    ['False/InterceptionNotReady', 'False/Waiting', 'True/InterceptionNotReady'],
  ],
  [
    'missing credentials',
    { credentials: 'Missing' },
    ['False/CredentialsSecretMissing', 'False/Waiting', 'True/CredentialsSecretMissing'],
  ],
  [
    'a refused template while old runners work on',
    { templateRefusals: [{ field: 'f', message: 'm' }], runners: three },
    ['True/AllReady', 'False/Waiting', 'True/TemplateRefused'],
  ],
  [
    'a slot out of attempts',
    {
      pool: pool({ spec: spec({ replicas: 1, lifecycle: { maxAttempts: 1 } }) }),
      runners: [runner(0, undefined, { phase: 'Failed' })],
    },
    ['False/StartsFailing', 'True/RunnersStarting', 'True/StartsFailing'],
  ],
  [
    'a deleted pool',
    { pool: pool({ deleting: true }), runners: three },
    ['False/Deleting', 'True/Deleting', 'False/AsExpected'],
  ],
];

describe('conditions', () => {
  it.each(CASES)('of %s', (_, changes, expected) => {
    expect(conditionsOf(changes)).toEqual(expected);
  });

  it('keep their transition time while their status stays', () => {
    const first = plan(observed(), NOW).status;
    const later = new Date(NOW.getTime() + 60_000);
    const second = plan(observed({ pool: pool({ status: first }), runners: three }), later).status;
    const times = Object.fromEntries(second.conditions.map((one) => [one.type, one.lastTransitionTime]));
    expect(times).toEqual({
      Degraded: '2026-11-21T08:00:00Z',
      Progressing: '2026-11-21T08:01:00Z',
      Ready: '2026-11-21T08:01:00Z',
    });
  });

  it('stay Degraded from the first refusal on, however often it comes', () => {
    const first = plan(observed(), NOW).status;
    const refused = withRefusedCreation(first, [], 'quota', NOW);
    const later = new Date(NOW.getTime() + 60_000);
    const second = plan(observed({ pool: pool({ status: refused }) }), later).status;
    expect(withRefusedCreation(second, refused.conditions, 'quota', later).conditions).toEqual(
      refused.conditions,
    );
  });

  it('count a runner as ready only after minReadySeconds', () => {
    const lifecycle = { minReadySeconds: 40 };
    const fresh = runner(0, 'Idle', { token: { phase: 'Active', state: 'Idle', sinceMs: secondsAgo(30) } });
    const seen = observed({ pool: pool({ spec: spec({ replicas: 1, lifecycle }) }), runners: [fresh] });
    const planned = plan(seen, NOW);
    expect(planned.status).toMatchObject({ idleReplicas: 1, readyReplicas: 0 });
    expect(planned.againAfterMs).toBe(10_000);
    expect(plan(seen, new Date(NOW.getTime() + 10_000)).status.readyReplicas).toBe(1);
  });
});

describe('the condition CacheIntercepted', () => {
  const given = { standing: 'Given' as const, host: 'results.example.com' };
  const was = (status: 'True' | 'False') => ({
    pool: pool({
      status: {
        ...plan(observed(), NOW).status,
        conditions: [
          {
            ...{ type: 'CacheIntercepted', status, reason: 'Intercepted', message: 'before' },
            lastTransitionTime: '2026-11-20T08:00:00Z',
          },
        ],
      },
    }),
  });
  const refused = { standing: 'Refused' as const, reason: 'Proxy', message: 'a proxy' };

  it.each<[string, Partial<Observed>, string | undefined]>([
    ['is said where it is', { interception: { ...given, ready: true } }, 'True/Intercepted'],
    ['is not said where nothing was asked', { ...was('True') }, undefined],
    ['says why it is not', { interception: refused }, 'False/Proxy'],
    ['says that it is on its way', { interception: { ...given, ready: false } }, 'False/Preparing'],
    [
      'is believed by a controller that has just begun to lead',
      { ...was('True'), interception: { ...given, ready: false } },
      'True/Intercepted',
    ],
    [
      'is not believed against what is in the way',
      { ...was('True'), interception: { ...given, ready: false, trouble: 'why' } },
      'False/Preparing',
    ],
  ])('%s', (_what, changes, expected) => {
    const found = plan(observed(changes), NOW).status.conditions.find(
      ({ type }) => type === 'CacheIntercepted',
    );
    expect(found && `${found.status}/${found.reason}`).toBe(expected);
  });
});
