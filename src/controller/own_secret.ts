import { GROUP, HANDOVER_SECRET, WEBHOOKS_SECRET } from '../resources/group.ts';
import type { ObjectMeta } from '../resources/object.ts';
import { INTERCEPTION_SECRET_NAME } from './interception/names.ts';
import { SIGNING_KEYS_SECRET } from './keys/observe.ts';
import { RUNNER_SECRET_NAME } from './pool/runner_name.ts';

/** Whether a Secret of this name is one of Harrier's own, in whichever namespace: its own may be a runners' one too. */
export function isOwnSecretName(name: string): boolean {
  return (
    RUNNER_SECRET_NAME.test(name) ||
    INTERCEPTION_SECRET_NAME.test(name) ||
    name === SIGNING_KEYS_SECRET ||
    name === HANDOVER_SECRET ||
    name === WEBHOOKS_SECRET
  );
}

/** Whether Harrier made this Secret: with the JWT of a pod or of a registered runner, a registration's value, or keys. */
export function isOwnSecret({ name, ownerReferences = [] }: ObjectMeta): boolean {
  return (
    isOwnSecretName(name) ||
    ownerReferences.some(({ kind, apiVersion }) => kind === 'Pod' || apiVersion.startsWith(`${GROUP}/`))
  );
}
