import { SecretKind } from '../kube/kinds.ts';
import { REGISTRATION_VALUE_KEY } from '../resources/group.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { Failed } from './failure.ts';
import type { Cluster } from './open_cluster.ts';

/** The value of a Registration token, from its Secret: whoever asks needs the right to read it there. */
export async function readValue(token: RunnerToken, { client, namespace }: Cluster): Promise<string> {
  const name = token.status?.secretRef?.name ?? '';
  const data = (await client.get(SecretKind, namespace, name))?.data;
  const value = data?.[token.spec.secretRef?.key ?? REGISTRATION_VALUE_KEY];
  if (value === undefined) throw new Failed(`the Secret ${name} of ${token.metadata.name} holds no value`);
  return Buffer.from(value, 'base64').toString('utf8');
}
