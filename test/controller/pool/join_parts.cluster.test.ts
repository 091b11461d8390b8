import { beforeAll, expect, it } from 'vitest';
import { runnerPod } from '../../../src/controller/pool/runner_pod.ts';
import type { ForgeType } from '../../../src/resources/pool_forge.ts';
import { useCluster } from '../../support/cluster.ts';
import { spec } from './builders.ts';

const cluster = useCluster();
let restricted: string;
beforeAll(async () => {
  restricted = await cluster.newNamespace();
  await cluster.kubectl('label', 'namespace', restricted, 'pod-security.kubernetes.io/enforce=restricted');
});

/** What the apiserver says of the pod that the controller would make there. */
function admitted(type: ForgeType, securityContext: Record<string, unknown>): Promise<string> {
  const pool = spec({
    forge: { type, url: 'https://forge.example.com', credentialsSecretRef: { name: 'c' } },
    template: {
      spec: {
        securityContext: {
          runAsNonRoot: true,
          seccompProfile: { type: 'RuntimeDefault' },
          ...securityContext,
        },
        containers: [
          {
            name: 'runner',
            image: 'job.example.test/job:1',
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          },
        ],
      },
    },
  });
  const pod = runnerPod(
    { namespace: restricted, name: 'linux', uid: 'uid-of-pool', spec: pool },
    { slot: 0, serial: 1, attempt: 1, templateHash: 'abc' },
    { image: 'harrier.example.test/harrier:1', apiUrl: 'http://api:8080' },
  );
  return cluster.kubectl('create', '--dry-run=server', '--namespace', restricted, '-f', '-', {
    input: JSON.stringify(pod),
  });
}

it.each<[ForgeType, Record<string, unknown>]>([
  ['github', {}],
  ['forgejo', {}],
  ['gitea', { runAsUser: 1000 }],
  ['gitlab', { runAsUser: 1000, runAsGroup: 1000 }],
  ['external', { runAsUser: 65_532 }],
])('a namespace that enforces the restricted standard takes the pod of %s', async (type, securityContext) => {
  expect(await admitted(type, securityContext)).toContain('created');
});
