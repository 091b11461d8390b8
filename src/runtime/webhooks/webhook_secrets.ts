import type { Secret } from '../../kube/kinds.ts';
import type { Informer } from '../../kube/types.ts';
import { WEBHOOKS_SECRET } from '../../resources/group.ts';

/** What the forges sign the pools' webhooks with, as the controller hands it over. */
export interface WebhookSecrets {
  /** Unknown: not read yet. None: no pool has any. */
  readonly standing: 'Unknown' | 'None' | 'There';
  of(poolUid: string): string | undefined;
}

export function watchedWebhookSecrets(
  secrets: Pick<Informer<Secret>, 'store' | 'synced'>,
  namespace: string,
): WebhookSecrets {
  const data = () => secrets.store.get(namespace, WEBHOOKS_SECRET)?.data;
  return {
    get standing() {
      if (!secrets.synced) return 'Unknown';
      return Object.keys(data() ?? {}).length === 0 ? 'None' : 'There';
    },
    of(poolUid) {
      const value = Buffer.from(data()?.[poolUid] ?? '', 'base64').toString('utf8');
      // An empty one would be known to everybody.
      return value === '' ? undefined : value;
    },
  };
}
