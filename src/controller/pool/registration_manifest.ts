import type { Manifest } from '../../kube/types.ts';
import { API_VERSION, Label } from '../../resources/group.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import { poolLabel, registrationName } from './runner_name.ts';

/** The registration token of a pool that has none, collected with it. It pushes none aside that came meanwhile. */
export function registrationManifest(pool: RunnerPool): Manifest {
  const { namespace, name, uid } = pool.metadata;
  const { scope } = pool.spec.forge;
  return {
    apiVersion: API_VERSION,
    kind: 'RunnerToken',
    metadata: {
      namespace,
      name: registrationName(name),
      labels: { [Label.pool]: poolLabel(name), [Label.poolUid]: uid },
      ownerReferences: [{ apiVersion: API_VERSION, kind: 'RunnerPool', name, uid, controller: true }],
    },
    spec: {
      type: 'Registration',
      usage: 'Reusable',
      active: true,
      description: `Made for RunnerPool ${name}: its own runners descend from it.`,
      poolRef: { name, uid },
      supersedes: false,
      ...(scope === undefined ? {} : { scope }),
    },
  };
}
