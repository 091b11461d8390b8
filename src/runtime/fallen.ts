import type { Store, StoreChange } from '../kube/types.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { isEnabled } from '../tokens/registration_standing.ts';

/** Runtime tokens whose parent was seen disabled: enabling it again raises none of them. */
export interface Fallen {
  /** To be told of every change that the informer brings, and of its store. */
  seen(change: StoreChange<RunnerToken>, store: Pick<Store<RunnerToken>, 'byIndex'>): void;
  has(tokenUid: string): boolean;
}

/**
 * The controller revokes descendants one by one, and notes them in the same way; this is for the moments until then, in
 * which an owner may have enabled the parent again.
 */
export function createFallen(): Fallen {
  const fallen = new Set<string>();
  return {
    seen({ type, object }, store) {
      if (object.spec.type === 'Runtime') {
        if (type === 'deleted') fallen.delete(object.metadata.uid);
        return;
      }
      const stands = type === 'set' && isEnabled(object) && object.status?.phase !== 'Inactive';
      if (stands) return;
      for (const one of store.byIndex('parent', object.metadata.uid)) fallen.add(one.metadata.uid);
    },
    has: (tokenUid) => fallen.has(tokenUid),
  };
}
