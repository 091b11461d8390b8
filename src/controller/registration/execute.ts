import { isKubeError } from '../../kube/errors.ts';
import { RunnerTokenKind, SecretKind } from '../../kube/kinds.ts';
import type { KubeClient } from '../../kube/types.ts';
import { API_VERSION, Label, REGISTRATION_VALUE_KEY } from '../../resources/group.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { makeRegistrationValue } from '../../tokens/registration_value.ts';
import { poolLabel } from '../pool/runner_name.ts';
import type { View } from '../view.ts';
import type { RegistrationAction } from './observed.ts';
import { type ValueSettings, valueRouting } from './value_routing.ts';

export interface RegistrationHands {
  client: KubeClient;
  view: View;
  values: ValueSettings;
}

/** Carries out one action about a Registration token; the only writer of its Secret and of its spec. */
export async function executeRegistrationAction(
  action: RegistrationAction,
  token: RunnerToken,
  pool: RunnerPool | undefined,
  { client, view, values }: RegistrationHands,
): Promise<void> {
  const { namespace, name, uid, resourceVersion } = token.metadata;
  switch (action.type) {
    case 'MakeSecret': {
      if (pool === undefined) return;
      const prefix = token.spec.prefix ?? values.prefix;
      const value = makeRegistrationValue(prefix, valueRouting(token, pool, values));
      try {
        await client.create(SecretKind, secretManifest(token, action.secret, value));
      } catch (error) {
        // Made by a leader before us that got no further, or somebody else's: the next look tells.
        if (!isKubeError(error, 'alreadyExists')) throw error;
      }
      return;
    }
    case 'Disable':
      // With the version it was read at: an owner's edit that came meanwhile is looked at first.
      view.tokens.absorb(
        await client.mergePatch(RunnerTokenKind, namespace, name, {
          metadata: { uid, resourceVersion },
          spec: { active: false },
        }),
      );
      return;
    case 'Collect':
      await client.delete(RunnerTokenKind, namespace, name, { uid });
  }
}

function secretManifest(token: RunnerToken, name: string, value: string) {
  const { namespace, uid } = token.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: {
      name,
      namespace,
      labels: { [Label.pool]: poolLabel(token.spec.poolRef.name) },
      ownerReferences: [
        { apiVersion: API_VERSION, kind: 'RunnerToken', name: token.metadata.name, uid, controller: true },
      ],
    },
    data: { [REGISTRATION_VALUE_KEY]: Buffer.from(value).toString('base64') },
  };
}
