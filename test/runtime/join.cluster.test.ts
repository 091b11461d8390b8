import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { EventKind, PodKind, RunnerTokenKind, SecretKind } from '../../src/kube/kinds.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import { API_VERSION, FieldManager, HANDOVER_SECRET, handoverKey } from '../../src/resources/group.ts';
import type { RunnerState, RunnerTokenStatus } from '../../src/resources/runner_token.ts';
import type { SigningKey } from '../../src/tokens/keys.ts';
import { clientOf, eventually } from '../controller/pool_in_cluster.ts';
import { prepareJoin, RUNNER_USER, runJoin } from '../join/join_process.ts';
import { prepareSidecar, startSidecar } from '../sidecar/sidecar_process.ts';
import { useCluster } from '../support/cluster.ts';
import { type ApiProcess, startApi } from './api_process.ts';
import { type ClusterRunner, makeRunner, publishKey } from './cluster_runner.ts';

const cluster = useCluster();
/** All that is handed out here has it in it, so that one search finds what was given away. */
const CANARY = 'canaryTr55kWq2Lm8';
const MATERIAL = { 'runner.json': `{"token":"${CANARY}"}` };

let client: KubeClient;
let key: SigningKey;
let apis: [ApiProcess, ApiProcess];

const begin = () => {
  const { kubeconfig, namespace } = cluster;
  return startApi({ kubeconfig, namespace, runners: namespace, env: { HARRIER_LOG_LEVEL: 'trace' } });
};
beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  key = await publishKey(client, cluster.namespace);
  apis = await Promise.all([begin(), begin()]);
});
afterAll(async () => {
  await Promise.all(apis.map((api) => api.stop()));
  await client.close();
});

/** A runner in this state, of which both replicas know. */
async function runner(name: string, state?: RunnerState): Promise<ClusterRunner> {
  const who = await makeRunner(client, { namespace: cluster.namespace, name, key });
  for (const api of apis) await eventually(`${name} at ${api.url}`, async () => (await seenBy(who, api)).ok);
  if (state !== undefined) expect((await report(who, state)).status).toBe(200);
  return who;
}
const seenBy = ({ authorization }: ClusterRunner, { url }: ApiProcess) =>
  fetch(`${url}/v1/runner`, { headers: { authorization } });
const report = ({ authorization }: ClusterRunner, state: RunnerState) =>
  fetch(`${apis[0].url}/v1/runner/status`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ state }),
  });
const ask = ({ authorization }: ClusterRunner, options: { api?: ApiProcess; key?: string } = {}) =>
  fetch(`${(options.api ?? apis[0]).url}/v1/runner/join`, {
    headers: { authorization, ...(options.key === undefined ? {} : { 'idempotency-key': options.key }) },
  });
const codeOf = async (answer: Response) => [answer.status, ((await answer.json()) as { code?: string }).code];

const statusOf = async (name: string) => (await client.get(RunnerTokenKind, cluster.namespace, name))?.status;

/** What the controller sees when the runner asks. */
const claimOf = (name: string, not?: string) =>
  eventually(`a claim of ${name}`, async () => {
    const { request, join: claim } = (await statusOf(name)) ?? {};
    return request !== undefined && request.id !== not && claim?.request === request.id && request;
  });

/** The controller's part, played by the test: the material, or why there is none. */
async function answer(
  who: ClusterRunner,
  request: string,
  values: Record<string, string> = { join: JSON.stringify({ files: MATERIAL }) },
): Promise<void> {
  const text = Buffer.from(JSON.stringify(values)).toString('base64');
  await client.apply(
    SecretKind,
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: cluster.namespace, name: HANDOVER_SECRET },
      data: { [handoverKey(who.token.metadata.uid, request)]: text },
    },
    { fieldManager: FieldManager.controller, force: true },
  );
}

async function writeAsApi(name: string, changes: Partial<RunnerTokenStatus>): Promise<void> {
  const { request, join: claim, runner: said } = (await statusOf(name)) ?? {};
  await client.applyStatus(
    RunnerTokenKind,
    {
      apiVersion: API_VERSION,
      kind: 'RunnerToken',
      metadata: { namespace: cluster.namespace, name },
      status: { request, join: claim, runner: said, ...changes },
    },
    { fieldManager: FieldManager.api, force: true },
  );
}

describe('what a runner joins its forge with', () => {
  it('is asked of the controller by a claim, and answered once that is written as handed out', async () => {
    const who = await runner('given', 'Installing');
    const call = ask(who);
    const request = await claimOf('given');
    expect(request.what).toBe('Join');
    expect((await statusOf('given'))?.join?.handedOutAt).toBeUndefined();
    await answer(who, request.id);
    const got = await call;
    expect([got.status, await got.json()]).toEqual([200, { files: MATERIAL }]);
    expect(got.headers.get('cache-control')).toBe('no-store');
    expect((await statusOf('given'))?.join).toMatchObject({
      request: request.id,
      handedOutAt: expect.any(String),
    });
    for (const api of apis) expect(await codeOf(await ask(who, { api }))).toEqual([409, 'join-handed-out']);
  });

  it.each<RunnerState | 'Pending'>(['Pending', 'Idle', 'Busy'])(
    'is not for a runner that is %s',
    async (state) => {
      const name = `state-${state.toLowerCase()}`;
      const who = await runner(name, state === 'Pending' ? undefined : state);
      expect(await codeOf(await ask(who))).toEqual([409, 'wrong-state']);
      expect((await statusOf(name))?.join).toBeUndefined();
    },
  );

  it('is not handed out to a runner that has left that state meanwhile', async () => {
    const who = await runner('moved-on', 'Installing');
    const call = ask(who);
    const { id } = await claimOf('moved-on');
    expect((await report(who, 'Idle')).status).toBe(200);
    await answer(who, id);
    expect(await codeOf(await call)).toEqual([409, 'wrong-state']);
    expect((await statusOf('moved-on'))?.join).toBeUndefined();
  });

  it('is handed out once among a hundred who ask at the same time at both replicas', async () => {
    const who = await runner('crowd', 'Installing');
    const calls = Array.from({ length: 100 }, (_, n) => ask(who, { api: apis[n % 2] as ApiProcess }));
    await answer(who, (await claimOf('crowd')).id);
    const answers = await Promise.all(calls);
    const given = answers.filter(({ status }) => status === 200);
    expect(given).toHaveLength(1);
    expect(await given[0]?.json()).toEqual({ files: MATERIAL });
    // Each replica takes ten calls in ten seconds of one runner.
    for (const one of answers) expect([200, 409, 429]).toContain(one.status);
    const others = await Promise.all(answers.filter(({ status }) => status === 409).map(codeOf));
    expect(others.length).toBeGreaterThan(0);
    for (const [, code] of others) expect(code).toBe('join-handed-out');
  });

  test.each([
    ['not-found', 404, 'not-found', null],
    ['credential-not-held', 403, 'join-not-held', null],
    ['unavailable', 503, 'unavailable', '77'],
    ['what is this', 503, 'unavailable', '1'],
  ])('the controller’s %s is a %i, and the claim is given back', async (said, status, code, later) => {
    const name = `said-${said.replaceAll(' ', '-')}`;
    const who = await runner(name, 'Installing');
    const call = ask(who);
    await answer(who, (await claimOf(name)).id, { code: said, reason: 'RateLimited', retryAfter: '77' });
    const got = await call;
    expect(got.headers.get('retry-after')).toBe(later);
    expect(await codeOf(got)).toEqual([status, code]);
    expect((await statusOf(name))?.join).toBeUndefined();
  });

  it('is not taken from what is no material, and nothing of that is said', async () => {
    const who = await runner('garbled', 'Installing');
    const call = ask(who);
    await answer(who, (await claimOf('garbled')).id, { join: `{"files":{"../x":"${CANARY}"}}` });
    const got = await call;
    expect(got.status).toBe(503);
    expect(await got.text()).not.toContain(CANARY);
  });

  it('is refused to an earlier attempt, whose claim a later one does not need', async () => {
    const who = await runner('earlier', 'Installing');
    const call = ask(who);
    const { id } = await claimOf('earlier');
    await writeAsApi('earlier', { replacedBy: 'the-next' });
    await answer(who, id);
    expect(await codeOf(await call)).toEqual([403, 'join-not-held']);
    await expect.poll(async () => (await seenBy(who, apis[0])).status, { timeout: 20_000 }).toBe(401);
    expect(await codeOf(await ask(who))).toEqual([403, 'join-not-held']);
    expect((await statusOf('earlier'))?.join?.handedOutAt).toBeUndefined();
  });

  it('is refused when the pod is deleted between the claim and the answer', async () => {
    const who = await runner('deleted', 'Installing');
    const call = ask(who);
    const { id } = await claimOf('deleted');
    await client.delete(PodKind, cluster.namespace, 'deleted', { gracePeriodSeconds: 0 });
    await answer(who, id);
    expect(await codeOf(await call)).toEqual([403, 'join-not-held']);
  });

  it('is neither lost nor given twice when the replica is killed with the answer under way', async () => {
    const who = await runner('survivor', 'Installing');
    const named = { key: 'a-key-that-nobody-guesses' };
    const broken = ask(who, named).catch(() => 'broken off');
    const { id } = await claimOf('survivor');
    process.kill(apis[0].pid, 'SIGKILL');
    expect(await broken).toBe('broken off');
    const api = apis[1];
    // Until the claim has ended by itself it is for the same call alone.
    const other = await ask(who, { api });
    expect(Number(other.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await codeOf(other)).toEqual([409, 'join-handed-out']);
    const again = ask(who, { ...named, api });
    await answer(who, (await claimOf('survivor', id)).id);
    expect((await again).status).toBe(200);
    expect(await codeOf(await ask(who, { api }))).toEqual([409, 'join-handed-out']);
    await apis[0].stop();
    apis[0] = await begin();
  });
});

describe('from the api to the runner’s folder', () => {
  it('goes through the sidecar, for the runner’s user alone, and is to be found nowhere else', async () => {
    const who = await runner('whole');
    const [sidecars, joins] = await Promise.all([prepareSidecar(who.jwt), prepareJoin()]);
    const folder = await joins.folder();
    const sidecar = await startSidecar(sidecars.bundle, {
      HARRIER_API_URL: apis[0].url,
      HARRIER_TOKEN_FILE: sidecars.tokenFile,
      HARRIER_JOIN_DIR: folder,
    });
    try {
      const joining = runJoin(joins.bundle, { url: sidecar.url, folder, seconds: 45 });
      const { id } = await claimOf('whole');
      expect((await statusOf('whole'))?.runner?.state).toBe('Installing');
      // A forge that holds its calls back: the sidecar comes again.
      await answer(who, id, { code: 'unavailable', reason: 'RateLimited', retryAfter: '1' });
      await answer(who, (await claimOf('whole', id)).id);
      const { code, stdout, stderr } = await joining;
      expect([code, stderr]).toEqual([0, '']);
      const shown = await argumentsOfAll();
      await eventually('Idle', async () => (await statusOf('whole'))?.runner?.state === 'Idle');

      const file = join(folder, 'runner.json');
      const { mode, uid } = await stat(file);
      expect([(mode & 0o777).toString(8), uid]).toEqual(['400', RUNNER_USER]);
      expect(await readFile(file, 'utf8')).toBe(MATERIAL['runner.json']);

      expect((await fetch(`${sidecar.url}/v1/runner/join`)).status).toBe(409);
      expect((await ask(who)).status).toBe(409);
      await fetch(`${sidecar.url}/v1/runner/status`, {
        method: 'POST',
        body: JSON.stringify({ state: 'Busy' }),
      });
      await expect.poll(() => readdir(folder), { timeout: 20_000 }).toEqual(['.handed-out']);

      const [tokens, pods, events] = await Promise.all(
        ([RunnerTokenKind, PodKind, EventKind] as const).map((kind) =>
          client.list<{ metadata: never }>(kind as never, cluster.namespace),
        ),
      );
      const told = [tokens, pods, events, sidecar.log(), stdout, ...apis.map((api) => api.logged())];
      expect(JSON.stringify(told)).toContain('whole');
      expect(JSON.stringify([...told, shown])).not.toContain(CANARY);
    } finally {
      await sidecar.stop();
      await Promise.all([sidecars.remove(), joins.remove()]);
    }
  });
});

/** Command line and first environment of every process on this machine that may be looked at. */
async function argumentsOfAll(): Promise<string> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const read = (path: string) => readFile(path, 'utf8').catch(() => '');
  const all = pids.flatMap((pid) => [read(`/proc/${pid}/cmdline`), read(`/proc/${pid}/environ`)]);
  return (await Promise.all(all)).join('\n');
}
