import { isKubeError } from '../../kube/errors.ts';
import { type Secret, SecretKind } from '../../kube/kinds.ts';
import type { KubeClient } from '../../kube/types.ts';
import { API_VERSION } from '../../resources/group.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import { type Authority, authorityData, idOf, leafIn, servedData } from './material.ts';
import { authoritySecretName, interceptionSecretName } from './names.ts';
import type { SeenInterception } from './observe.ts';
import type { InterceptionAction } from './plan.ts';
import type { InterceptionPolicy } from './policy.ts';

export interface InterceptionHands {
  client: Pick<KubeClient, 'create' | 'mergePatch' | 'delete'>;
  policy: InterceptionPolicy;
  now(): Date;
}

const LABELS = {
  'app.kubernetes.io/part-of': 'harrier',
  'app.kubernetes.io/managed-by': 'harrier-controller',
};

/**
 * Carries out one step of the plan: one write, at the version that was read, so that of two leaders one meets a
 * conflict and no authority that a pod trusts is lost.
 */
export async function executeInterception(
  pool: RunnerPool,
  action: Exclude<InterceptionAction, { do: 'nothing' }>,
  seen: SeenInterception,
  { client, policy, now }: InterceptionHands,
): Promise<void> {
  const { authorities } = seen;
  const writeAuthorities = (kept: readonly Authority[]) =>
    write(client, pool, seen.authoritySecret, authoritySecretName(pool.metadata.name), authorityData(kept));

  switch (action.do) {
    case 'make-authority': {
      const { makeAuthority } = await import('./certificates.ts');
      const host = seen.observed.host ?? '';
      return await writeAuthorities([
        ...authorities,
        await makeAuthority(host, now(), policy.authorityLifeMs),
      ]);
    }
    case 'serve':
      return await serve(pool, action, seen, { client, policy, now });
    case 'mark-published': {
      const publishedAt = now().toISOString();
      const marks = (one: Authority) => action.ids.includes(idOf(one));
      return await writeAuthorities(authorities.map((one) => (marks(one) ? { ...one, publishedAt } : one)));
    }
    case 'drop-authorities':
      return await writeAuthorities(authorities.filter((one) => !action.ids.includes(idOf(one))));
    case 'remove':
      // The keys of the authorities first: what is left by a crash signs nothing.
      for (const secret of [seen.authoritySecret, seen.servedSecret])
        if (secret !== undefined)
          await client.delete(SecretKind, secret.metadata.namespace, secret.metadata.name, {
            uid: secret.metadata.uid,
          });
  }
}

async function serve(
  pool: RunnerPool,
  { issuer, trusted, fresh }: Extract<InterceptionAction, { do: 'serve' }>,
  { authorities, servedSecret, upstreamRoots }: SeenInterception,
  { client, policy, now }: InterceptionHands,
): Promise<void> {
  const signer = authorities.find((one) => idOf(one) === issuer);
  if (signer === undefined) throw new Error('the plan names an authority that is not there');
  const { makeLeaf } = await import('./certificates.ts');
  const leaf = fresh ? await makeLeaf(signer, now(), policy.leafLifeMs) : leafIn(servedSecret?.data ?? {});
  const roots = authorities.filter((one) => trusted.includes(idOf(one)));
  await write(
    client,
    pool,
    servedSecret,
    interceptionSecretName(pool.metadata.name),
    servedData(leaf, roots, upstreamRoots),
  );
}

async function write(
  client: InterceptionHands['client'],
  { metadata: { namespace, name: poolName, uid } }: RunnerPool,
  there: Secret | undefined,
  name: string,
  data: Record<string, string>,
): Promise<void> {
  if (there === undefined) {
    const owner = { apiVersion: API_VERSION, kind: 'RunnerPool', name: poolName, uid, controller: true };
    const metadata = { name, namespace, labels: LABELS, ownerReferences: [owner] };
    await client.create(SecretKind, { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata, data });
    return;
  }
  const { resourceVersion, uid: secretUid } = there.metadata;
  try {
    await client.mergePatch(SecretKind, namespace, name, {
      metadata: { resourceVersion, uid: secretUid },
      data,
    });
  } catch (error) {
    // Gone since it was read: the next look makes it anew.
    if (!isKubeError(error, 'notFound')) throw error;
  }
}
