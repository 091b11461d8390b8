import type { SigningKey } from '../../tokens/keys.ts';
import { keyThatSigns, type RotationPolicy } from '../../tokens/rotation.ts';

/** No key may sign yet: none is published. */
export class NoSigningKey extends Error {
  override readonly name = 'NoSigningKey';
  constructor() {
    super('no signing key is published yet');
  }
}

/** The signing keys of this process, as last read from their Secret. */
export interface KeyRing {
  replace(keys: readonly SigningKey[]): void;
  /** The key that signs at this moment; throws NoSigningKey. */
  current(now: Date): SigningKey;
  /** Whether a key of this kid is there: what was signed by any other is accepted nowhere. */
  has(kid: string): boolean;
}

export function createKeyRing(policy: RotationPolicy): KeyRing {
  let keys: readonly SigningKey[] = [];
  return {
    replace(fresh) {
      keys = fresh;
    },
    current(now) {
      const key = keyThatSigns(keys, now, policy);
      if (key === undefined) throw new NoSigningKey();
      return key;
    },
    has: (kid) => keys.some((key) => key.jwk.kid === kid),
  };
}
