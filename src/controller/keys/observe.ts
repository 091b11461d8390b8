import { ConfigMapKind, type Secret, SecretKind } from '../../kube/kinds.ts';
import type { KubeClient } from '../../kube/types.ts';
import { Annotation } from '../../resources/group.ts';
import { type PublicKeySet, parsePublicKeySet } from '../../tokens/jwks.ts';
import {
  PUBLIC_KEYS_FIELD,
  parseSigningKeySet,
  SIGNING_KEYS_FIELD,
  UnreadableKeySet,
} from '../../tokens/keys.ts';
import type { ObservedKeys } from '../../tokens/rotation.ts';

/** In Harrier's own namespace; the controller alone may read it. */
export const SIGNING_KEYS_SECRET = 'harrier-signing-keys';
/** In Harrier's own namespace; anybody may read it. */
export const PUBLIC_KEYS_CONFIG_MAP = 'harrier-public-keys';

export interface SeenKeys {
  /** The Secret as read: the version that the next write replaces. */
  secret: Secret | undefined;
  observed: ObservedKeys;
}

/** Reads Secret and ConfigMap. A Secret that isn't a key set is an error: overwritten, it would be lost for good. */
export async function observeKeys(client: Pick<KubeClient, 'get'>, namespace: string): Promise<SeenKeys> {
  const [secret, configMap] = await Promise.all([
    client.get(SecretKind, namespace, SIGNING_KEYS_SECRET),
    client.get(ConfigMapKind, namespace, PUBLIC_KEYS_CONFIG_MAP),
  ]);
  const requested = Date.parse(configMap?.metadata.annotations?.[Annotation.rotateRequested] ?? '');
  return {
    secret,
    observed: {
      keys: secret === undefined ? [] : keysIn(secret),
      published: publishedIn(configMap?.data?.[PUBLIC_KEYS_FIELD]),
      ...(Number.isNaN(requested) ? {} : { rotateRequestedAt: new Date(requested) }),
    },
  };
}

function keysIn(secret: Secret) {
  const field = secret.data?.[SIGNING_KEYS_FIELD];
  if (field === undefined)
    throw new UnreadableKeySet(`Secret ${SIGNING_KEYS_SECRET} has no ${SIGNING_KEYS_FIELD}`);
  return parseSigningKeySet(Buffer.from(field, 'base64').toString('utf8')).keys;
}

function publishedIn(text: string | undefined): PublicKeySet | undefined {
  if (text === undefined) return undefined;
  try {
    return parsePublicKeySet(text);
  } catch {
    // Whatever stands there is to be written anew.
    return undefined;
  }
}
