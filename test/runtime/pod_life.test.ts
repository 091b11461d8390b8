import { expect, it } from 'vitest';
import { PodLifeKind } from '../../src/runtime/pod_life.ts';

const pod = (annotations?: Record<string, string>) => ({
  metadata: {
    name: 'linux-0',
    namespace: 'ci',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '2026-11-21T08:00:00Z',
    labels: { a: 'b' },
    ...(annotations === undefined ? {} : { annotations }),
  },
  spec: { containers: [] },
  status: { phase: 'Running', podIP: '10.0.0.1' },
});
const since = '2026-11-21T08:10:00.000Z';

it('keeps of a pod what decides over its token, and nothing else', () => {
  expect(PodLifeKind.parse(pod({ note: 'x' }))).toEqual({
    metadata: {
      name: 'linux-0',
      namespace: 'ci',
      uid: 'u',
      resourceVersion: '1',
      creationTimestamp: '2026-11-21T08:00:00Z',
    },
    status: { phase: 'Running' },
  });
});

it.each([
  [
    'both times',
    { 'harrier.dev/drain-since': since, 'harrier.dev/drain-deadline': since },
    { since, deadline: since },
  ],
  ['another form of time', { 'harrier.dev/drain-since': '2026-11-21T09:10:00+01:00' }, { since }],
  ['no time at all', { 'harrier.dev/drain-since': 'soon' }, undefined],
  ['a deadline alone', { 'harrier.dev/drain-deadline': since }, undefined],
])('reads a drain mark of %s', (_what, annotations, drain) => {
  expect(PodLifeKind.parse(pod(annotations)).drain).toEqual(drain);
});
