import { KubeConfig } from '@kubernetes/client-node';
import { createKubeClient } from '../../src/kube/client.ts';
import { PodKind, SecretKind } from '../../src/kube/kinds.ts';
import { tokenSecretName } from '../../src/resources/group.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { SYSTEM_NAMESPACE } from '../install.ts';
import type { Note } from '../progress.ts';
import { portForward } from './command.ts';
import { idleRunners, POOL_NAMESPACE } from './pool.ts';

export interface Refusal {
  pod: string;
  /** From the sending of the delete to the first 401. */
  milliseconds: number;
  /** What the api said: the challenge of RFC 6750. */
  challenge: string;
}

/** Deletes an idle runner's pod and asks the api with its token, without pause, until the token is refused. */
export async function tokenRefusal(cluster: Cluster, note: Note): Promise<Refusal> {
  const [pod = ''] = await idleRunners(cluster, 1, note);
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(cluster.kubeconfig);
  const client = createKubeClient({ kubeConfig });
  try {
    // Only an administrator can do this: no runner can read a token, its own included.
    const secret = await client.get(SecretKind, POOL_NAMESPACE, tokenSecretName(pod));
    const token = Buffer.from(secret?.data?.['token'] ?? '', 'base64').toString();
    await using api = await portForward(
      cluster.kubectl,
      cluster.kubeconfig,
      SYSTEM_NAMESPACE,
      'service/harrier-api',
      80,
    );
    const ask = () => fetch(`${api.url}/v1/runner`, { headers: { authorization: `Bearer ${token}` } });
    const before = await ask();
    if (before.status !== 200) throw new Error(`the token of ${pod} was not accepted: ${before.status}`);
    note(`deleting ${pod}`);
    const refused = firstRefusal(ask);
    const sent = performance.now();
    await client.delete(PodKind, POOL_NAMESPACE, pod);
    const { at, challenge } = await refused;
    return { pod, milliseconds: at - sent, challenge };
  } finally {
    await client.close();
  }
}

async function firstRefusal(ask: () => Promise<Response>): Promise<{ at: number; challenge: string }> {
  for (;;) {
    const answer = await ask();
    const at = performance.now();
    await answer.arrayBuffer();
    if (answer.status === 401) return { at, challenge: answer.headers.get('www-authenticate') ?? '' };
    if (answer.status !== 200) throw new Error(`the api answered ${answer.status}`);
  }
}
