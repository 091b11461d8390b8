import autocannon from 'autocannon';
import { RunnerTokenKind, SecretKind } from '../src/kube/kinds.ts';
import { tokenSecretName } from '../src/resources/group.ts';
import type { Lab } from './lab.ts';
import { runnersOf } from './pool.ts';
import type { Figure } from './statistics.ts';

const SECONDS = 8;
const CONNECTIONS = 32;

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

async function rate(options: autocannon.Options): Promise<{ perSecond: number; p99: number }> {
  await autocannon({ ...options, connections: CONNECTIONS, duration: 2 });
  const result = await autocannon({ ...options, connections: CONNECTIONS, duration: SECONDS });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} answers that are not 2xx and ${result.errors} errors`);
  return { perSecond: result.requests.average, p99: result.latency.p99 };
}

/** 200 different questions: none has the entry of its first key, each has that of a restore key. */
const DIFFERENT = Array.from({ length: 200 }, (_, index) => ({
  body: JSON.stringify({ keys: [`npm-linux-${index}-zzz`, `npm-linux-${index}`, 'npm-'], version: 'abcd' }),
}));

/** A cache with a thousand entries of the runner's own, so that a look-up has something to look through. */
async function fill(url: string, headers: Record<string, string>): Promise<void> {
  for (let index = 0; index < 1000; index++) await save(url, headers, `npm-linux-${index}`);
}

/** Ten saves a second, each of which changes what look-ups find. */
function saveWithPauses(url: string, headers: Record<string, string>) {
  let stopped = false;
  const saving = (async () => {
    for (let index = 0; !stopped; index++) {
      await save(url, headers, `other-${index}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return {
    stop: () => {
      stopped = true;
      return saving;
    },
  };
}

async function save(url: string, headers: Record<string, string>, key: string): Promise<void> {
  const post = async (path: string, body: unknown) => {
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  const { uploadId } = await post('/v1/cache/uploads', { key, version: 'abcd' });
  const answer = await post(`/v1/cache/uploads/${uploadId}/parts`, { parts: [{ number: 1, sizeBytes: 4 }] });
  const [part] = answer.parts as { url: string }[];
  const stored = await fetch(new URL(part?.url ?? '', url), { method: 'PUT', body: 'four' });
  if (!stored.ok) throw new Error(`part: ${stored.status} ${await stored.text()}`);
  await post(`/v1/cache/uploads/${uploadId}/commit`, { sizeBytes: 4, parts: [1] });
}

/** Verified requests a second at one api process, the load generator beside it on the same cores. */
export async function requestsPerSecond(lab: Lab, note: (text: string) => void): Promise<Figure[]> {
  const runners = await runnersOf(lab, 'load', 1);
  const pod = runners.pods[0]?.metadata.name ?? '';
  const url = lab.apis[0]?.url ?? '';
  const headers = {
    authorization: `Bearer ${await workingToken(lab, pod)}`,
    'content-type': 'application/json',
  };
  note('filling the cache');
  await fill(url, headers);
  note('GET /v1/runner');
  const runner = await rate({ url: `${url}/v1/runner`, headers });
  note('cache look-up');
  const lookups = { url: `${url}/v1/cache/lookup`, method: 'POST', headers, requests: DIFFERENT } as const;
  const lookup = await rate(lookups);
  note('cache look-up while others save');
  const saving = saveWithPauses(url, headers);
  const disturbed = await rate(lookups);
  await saving.stop();
  await runners.gone();
  const value = ({ perSecond, p99 }: { perSecond: number; p99: number }) =>
    `${Math.round(perSecond)}/s  (p99 ${p99} ms, ${CONNECTIONS} connections)`;
  return [
    { name: 'verified GET /v1/runner', value: value(runner) },
    {
      name: '200 verified cache look-ups by restore key among 1,000 entries, in turn',
      value: value(lookup),
      goal: { text: '>= 8,000/s', met: lookup.perSecond >= 8000 },
    },
    { name: 'the same while another job saves 10 entries a second', value: value(disturbed) },
  ];
}
