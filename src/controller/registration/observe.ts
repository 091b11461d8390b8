import { type Secret, SecretKind } from '../../kube/kinds.ts';
import type { KubeClient } from '../../kube/types.ts';
import { REGISTRATION_VALUE_KEY } from '../../resources/group.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { hashOfValue, problemOfValue } from '../../tokens/registration_value.ts';
import type { Descent } from '../descent.ts';
import { ownedBy } from '../kinds.ts';
import type { View } from '../view.ts';
import type { ObservedRegistration, ReadValue } from './observed.ts';
import { scopeWithin } from './scope_within.ts';
import { supersederOf } from './supersede.ts';

export interface RegistrationObserver {
  client: Pick<KubeClient, 'get'>;
  view: View;
  descent: Descent;
}

/** Gathers what is known of a Registration token; reads one Secret, by name. */
export async function observeRegistration(
  token: RunnerToken,
  { client, view, descent }: RegistrationObserver,
): Promise<ObservedRegistration> {
  const { namespace, name, uid, generation = 0, creationTimestamp, deletionTimestamp } = token.metadata;
  const pool = view.pools.get(namespace, token.spec.poolRef.name);
  const poolScope = pool?.spec.forge.scope;
  const siblings = view.tokens.byIndex('registrations', `${namespace}/${token.spec.poolRef.name}`);
  const living = descent.living(uid);
  const secretName = token.spec.secretRef?.name ?? registrationSecretName(name);
  const secret = await client.get(SecretKind, namespace, secretName);
  return {
    name,
    generation,
    createdAtMs: Date.parse(creationTimestamp),
    deleting: deletionTimestamp !== undefined,
    spec: token.spec,
    status: token.status,
    pool:
      pool === undefined
        ? undefined
        : {
            uid: pool.metadata.uid,
            withinScope: scopeWithin(token.spec.scope, poolScope),
            deleting: pool.metadata.deletionTimestamp !== undefined,
          },
    secret: seenSecret(token, secretName, secret, view),
    supersededBy: supersederOf(token, siblings, poolScope)?.metadata.name,
    living: living.length,
    falling: living.filter((one) => descent.fallen(one) !== undefined && wasFelledBefore(token)).length,
  };
}

/** While the token is Inactive, each living descendant fell with it: it is let go before anybody new comes in. */
function wasFelledBefore(token: RunnerToken): boolean {
  return token.spec.active !== false;
}

/** The Secret that Harrier makes for the Registration token named. */
export function registrationSecretName(tokenName: string): string {
  return `${tokenName}-registration`;
}

function seenSecret(
  token: RunnerToken,
  name: string,
  secret: Secret | undefined,
  view: View,
): ObservedRegistration['secret'] {
  if (secret === undefined) return { name, standing: 'Absent' };
  const { secretRef } = token.spec;
  if (secretRef === undefined && !ownedBy(secret, token.metadata.uid)) return { name, standing: 'Foreign' };
  const key = secretRef?.key ?? REGISTRATION_VALUE_KEY;
  return { name, standing: 'Read', ...readValue(token, secret.data?.[key], key, view) };
}

function readValue(token: RunnerToken, data: string | undefined, key: string, view: View): ReadValue {
  if (data === undefined) return { problem: `it has no key ${key}` };
  const value = Buffer.from(data, 'base64').toString('utf8');
  const problem = problemOfValue(value);
  if (problem !== undefined) return { problem };
  const hash = hashOfValue(value);
  const holder = view.tokens.byIndex('hash', hash).find((one) => one.metadata.uid !== token.metadata.uid);
  // Which of the two a runner means could not be told.
  return holder === undefined
    ? { hash }
    : { problem: `RunnerToken ${holder.metadata.name} has the same value` };
}
