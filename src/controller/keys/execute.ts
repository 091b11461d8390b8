import { ConfigMapKind, SecretKind } from '../../kube/kinds.ts';
import type { KubeClient } from '../../kube/types.ts';
import { FieldManager } from '../../resources/group.ts';
import {
  makeSigningKey,
  PUBLIC_KEYS_FIELD,
  SIGNING_KEYS_FIELD,
  type SigningKey,
  type SigningKeySet,
} from '../../tokens/keys.ts';
import type { KeyAction } from '../../tokens/rotation.ts';
import { PUBLIC_KEYS_CONFIG_MAP, type SeenKeys, SIGNING_KEYS_SECRET } from './observe.ts';

const LABELS = {
  'app.kubernetes.io/part-of': 'harrier',
  'app.kubernetes.io/managed-by': 'harrier-controller',
};

/**
 * Carries out one step of the keys' plan: one write. The Secret is created or replaced at the version it was read,
 * so that of two leaders one meets a conflict and neither loses a key of the other.
 */
export async function executeKeyAction(
  action: Exclude<KeyAction, { do: 'nothing' }>,
  seen: SeenKeys,
  { client, namespace, now }: { client: KubeClient; namespace: string; now: Date },
): Promise<void> {
  const { keys } = seen.observed;
  switch (action.do) {
    case 'make':
      return await writeKeys(client, namespace, seen, [...keys, await makeSigningKey(now)]);
    case 'mark-published': {
      const publishedAt = now.toISOString();
      const marked = keys.map((key) => (action.kids.includes(key.jwk.kid) ? { ...key, publishedAt } : key));
      return await writeKeys(client, namespace, seen, marked);
    }
    case 'drop': {
      const left = keys.filter((key) => !action.kids.includes(key.jwk.kid));
      return await writeKeys(client, namespace, seen, left);
    }
    case 'publish':
      await client.apply(
        ConfigMapKind,
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: PUBLIC_KEYS_CONFIG_MAP, namespace, labels: LABELS },
          data: { [PUBLIC_KEYS_FIELD]: JSON.stringify(action.set) },
        },
        { fieldManager: FieldManager.controller, force: true },
      );
  }
}

async function writeKeys(
  client: KubeClient,
  namespace: string,
  { secret }: SeenKeys,
  keys: readonly SigningKey[],
): Promise<void> {
  const set: SigningKeySet = { keys: [...keys] };
  const data = { [SIGNING_KEYS_FIELD]: Buffer.from(JSON.stringify(set)).toString('base64') };
  const named = { name: SIGNING_KEYS_SECRET, namespace };
  if (secret === undefined) {
    const metadata = { ...named, labels: LABELS };
    await client.create(SecretKind, { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata, data });
    return;
  }
  const metadata = { ...secret.metadata, ...named };
  await client.replace(SecretKind, { ...secret, apiVersion: 'v1', kind: 'Secret', metadata, data });
}
