import { describe, expect, it } from 'vitest';
import { runnerPodKind, secretHeadKind } from '../../src/controller/kinds.ts';

const metadata = {
  name: 'p',
  namespace: 'ci',
  uid: 'u',
  resourceVersion: '1',
  creationTimestamp: '2026-11-21T08:00:00Z',
  managedFields: [{ manager: 'kubelet' }],
};

function trouble(runner: unknown, status: Record<string, unknown> = {}): string | undefined {
  const containerStatuses = [
    { name: 'other', state: { terminated: { exitCode: 99 } } },
    { name: 'runner', state: runner },
  ];
  return runnerPodKind.parse({ metadata, status: { phase: 'Failed', containerStatuses, ...status } }).trouble;
}

describe('runnerPodKind', () => {
  it('keeps what is decided from and lets the rest go', () => {
    const pod = runnerPodKind.parse({ metadata, spec: { containers: [] }, status: { phase: 'Running' } });
    expect(pod).not.toHaveProperty('spec');
    expect(pod.metadata).not.toHaveProperty('managedFields');
    expect(pod.phase).toBe('Running');
  });

  it.each([
    [{ terminated: { exitCode: 3, reason: 'Error' } }, 'exit code 3: Error'],
    [
      { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } },
      'ImagePullBackOff: no such image',
    ],
    [{ waiting: { reason: 'PodInitializing' } }, undefined],
    [{ running: {} }, undefined],
  ])('says of %j: %s', (state, expected) => {
    expect(trouble(state)).toBe(expected);
  });

  it('keeps when the runner container started and ended', () => {
    const times = (state: unknown) => {
      const containerStatuses = [{ name: 'runner', state }];
      const { startedAt, endedAt } = runnerPodKind.parse({ metadata, status: { containerStatuses } });
      return [startedAt, endedAt];
    };
    const startedAt = '2026-11-21T08:00:01Z';
    expect(times({ waiting: {} })).toEqual([undefined, undefined]);
    expect(times({ running: { startedAt } })).toEqual([startedAt, undefined]);
    const finishedAt = '2026-11-21T08:00:02Z';
    expect(times({ terminated: { exitCode: 0, startedAt, finishedAt } })).toEqual([startedAt, finishedAt]);
    // What kubelet writes of a container that could not be started.
    expect(times({ terminated: { exitCode: 128, startedAt: null, finishedAt } })).toEqual([
      undefined,
      finishedAt,
    ]);
  });

  it('says what the node said of a pod that it evicted', () => {
    expect(trouble(undefined, { reason: 'Evicted', message: 'low on memory' })).toBe(
      'Evicted: low on memory',
    );
  });

  it.each<[string, unknown[], unknown, string]>([
    [
      'one that failed, not the sidecar that was ended after it',
      [
        { name: 'harrier', state: { terminated: { exitCode: 143, finishedAt: '2026-11-21T08:00:09Z' } } },
        {
          name: 'harrier-join',
          state: {
            terminated: { exitCode: 1, reason: 'Error', message: 'no', finishedAt: '2026-11-21T08:00:08Z' },
          },
        },
      ],
      { waiting: { reason: 'PodInitializing' } },
      'harrier-join: exit code 1: Error: no',
    ],
    [
      'one whose image is not there',
      [{ name: 'harrier', state: { waiting: { reason: 'ErrImagePull', message: 'gone' } } }],
      { waiting: { reason: 'PodInitializing' } },
      'harrier: ErrImagePull: gone',
    ],
    [
      'what ended after the runner had run',
      [{ name: 'harrier', state: { terminated: { exitCode: 143, finishedAt: '2026-11-21T08:00:09Z' } } }],
      { terminated: { exitCode: 3, startedAt: '2026-11-21T08:00:01Z' } },
      'exit code 3',
    ],
    [
      'one that is at work',
      [{ name: 'harrier-join', state: { running: {} } }],
      { waiting: { reason: 'ImagePullBackOff' } },
      'ImagePullBackOff',
    ],
  ])('tells of the containers before the runner: %s', (_, initContainerStatuses, runner, expected) => {
    expect(trouble(runner, { initContainerStatuses })).toBe(expected);
  });

  it('passes on no token that a program printed with its last words', () => {
    const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiIxIn0.c2lnbmF0dXJl';
    const said = trouble({ terminated: { exitCode: 1, message: `refused: ${jwt}!` } });
    expect(said).toBe('exit code 1: refused: [token]!');
  });
});

describe('secretHeadKind', () => {
  it('keeps nothing of what the Secret holds', () => {
    const secret = secretHeadKind.parse({ metadata, data: { token: 'c2VjcmV0' }, stringData: { a: 'b' } });
    expect(JSON.stringify(secret)).not.toMatch(/c2VjcmV0|stringData/);
  });
});
