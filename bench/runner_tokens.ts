import { RunnerTokenKind, SecretKind } from '../src/kube/kinds.ts';
import { tokenSecretName } from '../src/resources/group.ts';
import type { Lab } from './lab.ts';

/**
 * The JWT of a live runner, read with the bench's own rights as administrator, once its token is Active:
 * a simulated node runs a pod before its Secret is there.
 */
export async function runtimeToken(lab: Lab, podName: string): Promise<string> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const token = await lab.client.get(RunnerTokenKind, lab.namespace, podName);
    if (token?.status?.phase === 'Active') break;
    if (Date.now() > deadline) throw new Error(`the token of ${podName} did not become Active`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const secret = await lab.client.get(SecretKind, lab.namespace, tokenSecretName(podName));
  const encoded = secret?.data?.token;
  if (encoded === undefined) throw new Error(`no token in the Secret of ${podName}`);
  return Buffer.from(encoded, 'base64').toString();
}

/** The same of a runner that has reported Idle, which is what the cache serves. */
export async function workingToken(lab: Lab, podName: string): Promise<string> {
  const token = await runtimeToken(lab, podName);
  const answer = await fetch(`${lab.apis[0]?.url}/v1/runner/status`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ state: 'Idle' }),
  });
  if (!answer.ok) throw new Error(`Idle was not taken: ${answer.status} ${await answer.text()}`);
  return token;
}
