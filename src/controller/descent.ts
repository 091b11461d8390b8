import type { StoreChange } from '../kube/types.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { isEnabled, upholds } from '../tokens/registration_standing.ts';
import type { View } from './view.ts';

export type OnRevoke = 'Drain' | 'Delete';

/**
 * Who descends from which Registration token, and who has fallen with one. A token that was disabled and enabled again
 * between two looks would seem never to have been disabled: so its living descendants are noted in the very event.
 */
export interface Descent {
  /** To be told of every change of a RunnerToken, before anything is decided from it. */
  seen(change: StoreChange<RunnerToken>): void;
  /** Undefined while the parent of this Runtime token stands, or it has none; else what its owner wants of the pods. */
  fallen(token: RunnerToken): OnRevoke | undefined;
  /** Runtime tokens that descend from the Registration token of this UID and are neither revoked nor expired. */
  living(registrationUid: string): RunnerToken[];
}

export function createDescent(view: Pick<View, 'tokens'>): Descent {
  /** By UID of the descendant. */
  const fallen = new Map<string, OnRevoke>();

  function living(registrationUid: string): RunnerToken[] {
    return view.tokens.byIndex('parent', registrationUid).filter(isLiving);
  }

  return {
    living,
    seen({ type, object }) {
      if (object.spec.type === 'Registration') {
        if (type === 'set' && isEnabled(object)) return;
        for (const one of living(object.metadata.uid))
          fallen.set(one.metadata.uid, object.spec.onRevoke ?? 'Drain');
      } else if (type === 'deleted' || !isLiving(object)) {
        fallen.delete(object.metadata.uid);
      }
    },
    fallen(token) {
      const noted = fallen.get(token.metadata.uid);
      if (noted !== undefined) return noted;
      const { parentRef } = token.spec;
      if (parentRef === undefined) return undefined;
      const parent = view.tokens.byUid(parentRef.uid);
      return upholds(parent, parentRef.uid) ? undefined : (parent?.spec.onRevoke ?? 'Drain');
    },
  };
}

function isLiving({ spec, status }: RunnerToken): boolean {
  return spec.type === 'Runtime' && status?.phase !== 'Revoked' && status?.phase !== 'Expired';
}
