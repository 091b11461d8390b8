import type { Logger } from 'pino';
import type { ConfigMap } from '../kube/kinds.ts';
import type { Informer } from '../kube/types.ts';
import { type PublicKeySet, parsePublicKeySet, verificationKeys } from '../tokens/jwks.ts';
import { PUBLIC_KEYS_FIELD } from '../tokens/keys.ts';
import type { TokenVerifier } from '../tokens/verify.ts';

/** Name of the ConfigMap, in Harrier's own namespace. */
export const PUBLIC_KEYS_NAME = 'harrier-public-keys';

export interface PublicKeys {
  /** The set as served at /.well-known/jwks.json; undefined while there is none. */
  readonly set: PublicKeySet | undefined;
}

/**
 * Keeps the verifiers' keys equal to the ConfigMap's. One that is deleted or can't be read means no keys, so every
 * token is refused until the controller, which compares it at each look, has written it again: fail closed.
 */
export function followPublicKeys(
  configMaps: Pick<Informer<ConfigMap>, 'onChange'>,
  verifiers: readonly Pick<TokenVerifier, 'useKeys'>[],
  log: Logger,
): PublicKeys {
  let current: PublicKeySet | undefined;
  let turn = 0;

  async function take(object: ConfigMap | undefined): Promise<void> {
    const mine = ++turn;
    let set: PublicKeySet | undefined;
    let keys: Awaited<ReturnType<typeof verificationKeys>> = new Map();
    try {
      if (object !== undefined) {
        set = parsePublicKeySet(object.data?.[PUBLIC_KEYS_FIELD] ?? '');
        keys = await verificationKeys(set);
      }
    } catch {
      set = undefined;
      log.error({ configMap: PUBLIC_KEYS_NAME }, 'the public keys are not a key set; every token is refused');
    }
    // Importing takes a moment, in which a newer version may have come.
    if (mine !== turn) return;
    current = set;
    for (const verifier of verifiers) verifier.useKeys(keys);
    log.info({ kids: [...keys.keys()] }, 'public keys in use');
  }

  configMaps.onChange((change) => {
    if (change.object.metadata.name !== PUBLIC_KEYS_NAME) return;
    void take(change.type === 'deleted' ? undefined : change.object);
  });
  return {
    get set() {
      return current;
    },
  };
}
