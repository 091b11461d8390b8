import { KubeConfig } from '@kubernetes/client-node';
import { createKubeClient } from '../../src/kube/client.ts';
import { PodKind } from '../../src/kube/kinds.ts';
import { tokenSecretName } from '../../src/resources/group.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { RUNNER_NAMESPACE } from '../install.ts';
import type { Note } from '../progress.ts';
import { kubectl } from './kubectl.ts';
import { idleRunners } from './pool.ts';

export interface Refusal {
  pod: string;
  /** From the sending of the delete to the first 401. */
  milliseconds: number;
  /** What the api said: the challenge of RFC 6750. */
  challenge: string;
}

/** Deletes an idle runner's pod and asks the api with its token, without pause, until the token is refused. */
export async function tokenRefusal(cluster: Cluster, apiUrl: string, note: Note): Promise<Refusal> {
  const [pod = ''] = await idleRunners(cluster, 1, note);
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(cluster.kubeconfig);
  const client = createKubeClient({ kubeConfig });
  try {
    const token = await readToken(cluster, pod);
    const ask = () => fetch(`${apiUrl}/v1/runner`, { headers: { authorization: `Bearer ${token}` } });
    const before = await ask();
    if (before.status !== 200) throw new Error(`the token of ${pod} was not accepted: ${before.status}`);
    note(`deleting ${pod}`);
    const refused = firstRefusal(ask);
    const sent = performance.now();
    await client.delete(PodKind, RUNNER_NAMESPACE, pod);
    const { at, challenge } = await refused;
    return { pod, milliseconds: at - sent, challenge };
  } finally {
    await client.close();
  }
}

/** Only an administrator can do this: no runner can read a token, its own included. */
export async function readToken(cluster: Cluster, pod: string): Promise<string> {
  const path = 'jsonpath={.data.token}';
  const encoded = await kubectl(cluster, [
    '-n',
    RUNNER_NAMESPACE,
    'get',
    'secret',
    tokenSecretName(pod),
    '-o',
    path,
  ]);
  return Buffer.from(encoded, 'base64').toString();
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
