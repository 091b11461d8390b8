import { describe, expect, test } from 'vitest';
import { templateRefusals } from '../../../src/controller/pool/template_refusal.ts';

const runner = { name: 'runner', image: 'none' };
const tokenSecret = 'pool-bcdfghjklm-token';
const root = 'spec.template.spec';

/** Pod specs that would let a job at a token or at the keys, and the field that does it. */
const HOSTILE: [what: string, podSpec: Record<string, unknown>, field: string][] = [
  ['shared processes', { shareProcessNamespace: true }, 'shareProcessNamespace'],
  ["the node's processes", { hostPID: true }, 'hostPID'],
  ["the node's network", { hostNetwork: true }, 'hostNetwork'],
  ['a volume by our name', { volumes: [{ name: 'harrier-token' }] }, 'volumes[0].name'],
  ["a runner's Secret", volume({ secret: { secretName: tokenSecret } }), 'volumes[0].secret.secretName'],
  [
    'the signing keys',
    volume({ secret: { secretName: 'harrier-signing-keys' } }),
    'volumes[0].secret.secretName',
  ],
  [
    'the signing keys, projected',
    volume({ projected: { sources: [{ configMap: {} }, { secret: { name: 'harrier-signing-keys' } }] } }),
    'volumes[0].projected.sources[1].secret.name',
  ],
  [
    'every Secret of the node',
    volume({ hostPath: { path: '/var/lib//kubelet/pods' } }),
    'volumes[0].hostPath.path',
  ],
  ['the whole node', volume({ hostPath: { path: '/' } }), 'volumes[0].hostPath.path'],
  ["the node's /proc", volume({ hostPath: { path: '/proc/1' } }), 'volumes[0].hostPath.path'],
  ['a container by our name', { containers: [{ name: 'harrier' }] }, 'containers[0].name'],
  ['an init container by our name', { initContainers: [{ name: 'harrier' }] }, 'initContainers[0].name'],
  [
    "the token's volume mounted",
    { containers: [{ ...runner, volumeMounts: [{ name: 'a' }, { name: 'harrier-token' }] }] },
    'containers[0].volumeMounts[1].name',
  ],
  [
    "a runner's Secret as a variable",
    { containers: [{ ...runner, env: [{ valueFrom: { secretKeyRef: { name: tokenSecret } } }] }] },
    'containers[0].env[0].valueFrom.secretKeyRef.name',
  ],
  [
    'the signing keys as variables',
    { initContainers: [{ name: 'a', envFrom: [{ secretRef: { name: 'harrier-signing-keys' } }] }] },
    'initContainers[0].envFrom[0].secretRef.name',
  ],
];

describe('templateRefusals', () => {
  test.each(HOSTILE)('refuses %s by the field', (_, podSpec, field) => {
    const refusals = templateRefusals({ containers: [runner], ...podSpec });
    expect(refusals.map((one) => one.field)).toEqual([`${root}.${field}`]);
  });

  test('finds all that is wrong at once', () => {
    const refusals = templateRefusals({ containers: [runner], hostPID: true, hostNetwork: true });
    expect(refusals).toHaveLength(2);
  });

  test('lets a job have its own Secrets, volumes and names', () => {
    const harmless = {
      shareProcessNamespace: false,
      volumes: [
        { name: 'work', emptyDir: {} },
        { name: 'a', secret: { secretName: 'deploy-token' } },
        { name: 'b', hostPath: { path: '/var/lib/kubelets' } },
      ],
      containers: [{ ...runner, envFrom: [{ secretRef: { name: 'harrier-signing-keys-backup' } }] }],
    };
    expect(templateRefusals(harmless)).toEqual([]);
  });

  test('lets nothing that is not what a PodSpec holds make it throw', () => {
    for (const odd of [null, 1, 'x', [null], [[]], { a: 1 }])
      expect(templateRefusals({ containers: odd, initContainers: odd, volumes: odd })).toEqual([]);
  });
});

function volume(source: Record<string, unknown>): Record<string, unknown> {
  return { volumes: [{ name: 'v', ...source }] };
}
