import { describe, expect, it } from 'vitest';
import { runnerName } from '../../../src/controller/pool/runner_name.ts';
import { templateRefusals } from '../../../src/controller/pool/template_refusal.ts';
import { tokenSecretName } from '../../../src/resources/group.ts';

const stolen = tokenSecretName(runnerName({ name: 'other-pool', uid: 'u' }, 3, 14));
const runner = (fields: Record<string, unknown>) => ({ containers: [{ name: 'runner', ...fields }] });
const volume = (fields: Record<string, unknown>) => ({ ...runner({}), volumes: [{ name: 'v', ...fields }] });

const HOSTILE: [string, Record<string, unknown>][] = [
  ['shareProcessNamespace', { ...runner({}), shareProcessNamespace: true }],
  ['hostPID', { ...runner({}), hostPID: true }],
  ['hostNetwork', { ...runner({}), hostNetwork: true }],
  ['volumes[0].name', volume({ name: 'harrier-token', emptyDir: {} })],
  ['volumes[0].secret.secretName', volume({ secret: { secretName: stolen } })],
  ['volumes[0].secret.secretName', volume({ secret: { secretName: 'harrier-signing-keys' } })],
  ['volumes[0].secret.secretName', volume({ secret: { secretName: 'harrier-handover' } })],
  [
    'volumes[0].projected.sources[1].secret.name',
    volume({ projected: { sources: [{ configMap: { name: 'c' } }, { secret: { name: stolen } }] } }),
  ],
  ['volumes[0].hostPath.path', volume({ hostPath: { path: '/' } })],
  ['volumes[0].hostPath.path', volume({ hostPath: { path: '/var/lib//kubelet/pods/' } })],
  ['volumes[0].hostPath.path', volume({ hostPath: { path: '/proc' } })],
  [
    'containers[0].volumeMounts[0].name',
    runner({ volumeMounts: [{ name: 'harrier-token', mountPath: '/x' }] }),
  ],
  [
    'containers[0].env[0].valueFrom.secretKeyRef.name',
    runner({ env: [{ name: 'T', valueFrom: { secretKeyRef: { name: stolen, key: 'token' } } }] }),
  ],
  ['containers[0].envFrom[0].secretRef.name', runner({ envFrom: [{ secretRef: { name: stolen } }] })],
  ['initContainers[0].name', { ...runner({}), initContainers: [{ name: 'harrier' }] }],
  [
    'initContainers[0].volumeMounts[0].name',
    { ...runner({}), initContainers: [{ name: 'i', volumeMounts: [{ name: 'harrier-token' }] }] },
  ],
];

const HARMLESS: [string, Record<string, unknown>][] = [
  ['a plain runner', runner({})],
  ['its own Secrets', volume({ secret: { secretName: 'gitea-registration-token' } })],
  ['a folder of the node', volume({ hostPath: { path: '/var/lib/toolcache' } })],
  ['a folder that only begins like a refused one', volume({ hostPath: { path: '/var/lib/kubelet-images' } })],
  ['explicit defaults', { ...runner({}), hostPID: false, shareProcessNamespace: false, hostNetwork: false }],
  ['shapes that the apiserver will refuse', { containers: 'none', volumes: [null, 3] }],
];

describe('templateRefusals', () => {
  it.each(HOSTILE)('refuses %s', (field, podSpec) => {
    expect(templateRefusals(podSpec).map((one) => one.field)).toEqual([`spec.template.spec.${field}`]);
  });

  it.each(HARMLESS)('lets through %s', (_, podSpec) => {
    expect(templateRefusals(podSpec)).toEqual([]);
  });
});
