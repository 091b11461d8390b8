import type { Manifest } from '../../kube/types.ts';
import type { RegistrationRequest } from '../../protocol/registration.ts';
import { API_VERSION } from '../../resources/group.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';

/** The RunnerToken of a runner that joins: scope and routing are its parent's, and it is collected with it. */
export function registeredManifest(
  registration: RunnerToken,
  { name: runner, labels, version, agent }: RegistrationRequest,
  { name, id, attempt, request }: { name: string; id: string; attempt: number; request: string },
): Manifest {
  const { namespace, name: parent, uid } = registration.metadata;
  const { poolRef, scope, routing } = registration.spec;
  const poolUid = registration.status?.poolUid;
  return {
    apiVersion: API_VERSION,
    kind: 'RunnerToken',
    metadata: {
      namespace,
      name,
      ownerReferences: [{ apiVersion: API_VERSION, kind: 'RunnerToken', name: parent, uid }],
    },
    spec: {
      type: 'Runtime',
      poolRef: { name: poolRef.name, ...(poolUid === undefined ? {} : { uid: poolUid }) },
      parentRef: { name: parent, uid },
      ...(scope === undefined ? {} : { scope }),
      ...(routing === undefined ? {} : { routing }),
      runner: {
        name: runner,
        id,
        ...(labels === undefined ? {} : { labels }),
        ...(version === undefined ? {} : { version }),
      },
      attempt,
      ...(agent ? { agent } : {}),
      delivery: 'Api',
      request,
    },
  };
}
