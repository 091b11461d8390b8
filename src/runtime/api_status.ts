import { RunnerTokenKind } from '../kube/kinds.ts';
import type { Manifest } from '../kube/types.ts';
import { API_VERSION } from '../resources/group.ts';
import type { RunnerToken, RunnerTokenStatus } from '../resources/runner_token.ts';
import { API_STATUS_FIELDS } from '../resources/runner_token_status.ts';

export type ApiStatus = Pick<RunnerTokenStatus, (typeof API_STATUS_FIELDS)[number]>;

/**
 * The api's part of a token's status with these changes, to be applied as the api's field manager: all of its fields,
 * since those left out would be taken away. With the version that the decision was made from, so that of two writes
 * one meets 409 and decides anew; and with the UID, so that a namesake is never written to.
 */
export function apiStatusManifest(token: RunnerToken, changes: Partial<ApiStatus>): Manifest {
  const { name, namespace, uid, resourceVersion } = token.metadata;
  const status: Partial<ApiStatus> = {};
  for (const field of API_STATUS_FIELDS) {
    const value = field in changes ? changes[field] : token.status?.[field];
    if (value !== undefined) Object.assign(status, { [field]: value });
  }
  return {
    apiVersion: API_VERSION,
    kind: RunnerTokenKind.kind,
    metadata: { name, namespace, uid, resourceVersion },
    status,
  };
}
