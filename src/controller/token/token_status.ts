import { RunnerTokenKind } from '../../kube/kinds.ts';
import type { KubeClient } from '../../kube/types.ts';
import { API_VERSION, FieldManager } from '../../resources/group.ts';
import type { RunnerToken, RunnerTokenStatus } from '../../resources/runner_token.ts';
import { API_STATUS_FIELDS } from '../../resources/runner_token_status.ts';
import type { View } from '../view.ts';

type ControllerStatus = Omit<RunnerTokenStatus, (typeof API_STATUS_FIELDS)[number]>;

/**
 * Writes changes of the controller's part of a token's status; undefined takes a field away. Each write carries all of
 * that part, or what it leaves out would be taken away, and nothing of the api's. With `unchanged`, only if the token is
 * still as it was seen, else 409.
 */
export async function writeTokenStatus(
  token: RunnerToken,
  changes: Partial<ControllerStatus>,
  { client, view }: { client: Pick<KubeClient, 'applyStatus'>; view: Pick<View, 'tokens'> },
  { unchanged = false } = {},
): Promise<void> {
  const { namespace, name, generation, uid, resourceVersion } = token.metadata;
  const written = await client.applyStatus(
    RunnerTokenKind,
    {
      apiVersion: API_VERSION,
      kind: 'RunnerToken',
      // The UID makes it this token's or a conflict, never a namesake's.
      metadata: { namespace, name, uid, ...(unchanged ? { resourceVersion } : {}) },
      status: {
        ...ownPart(token.status),
        ...(generation === undefined ? {} : { observedGeneration: generation }),
        ...changes,
      },
    },
    { fieldManager: FieldManager.controller, force: true },
  );
  view.tokens.absorb(written);
}

function ownPart(status: RunnerTokenStatus | undefined): Partial<ControllerStatus> {
  const of = new Set<string>(API_STATUS_FIELDS);
  return Object.fromEntries(Object.entries(status ?? {}).filter(([field]) => !of.has(field)));
}

/** As Kubernetes writes a time: in whole seconds. */
export function timestamp(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
