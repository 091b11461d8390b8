import { pino } from 'pino';
import { Registry } from 'prom-client';
import { type Controller, createController } from '../../../src/controller/controller.ts';
import type { Forge } from '../../../src/forges/forge.ts';
import { createEventRecorder } from '../../../src/kube/events.ts';
import { EventKind, RunnerPoolKind, SecretKind } from '../../../src/kube/kinds.ts';
import type { KubeClient, Manifest } from '../../../src/kube/types.ts';
import { FieldManager, PodPart, tokenSecretName } from '../../../src/resources/group.ts';
import { DEFAULT_ROTATION } from '../../../src/tokens/rotation.ts';
import { AUDIENCE, ISSUER } from '../../tokens/builders.ts';
import { eventually, PoolInCluster, poolManifest } from '../pool_in_cluster.ts';
import type { ForgeInMemory } from './forge_in_memory.ts';

/** What a controller does that its death may come right after; `detail` is the manifest, or nothing. */
export type Deed = { what: string; detail?: Manifest | undefined };

/** A controller in this process, with a forge of the test's. */
export interface ControllerInProcess {
  stop(): Promise<void>;
  readonly dead: boolean;
}

/**
 * @param dies Asked after each thing done; from the one on for which it says so nothing gets out of this controller any
 * more, nor does it learn what became of that one: as when its process is killed there.
 */
export async function beginController(
  client: KubeClient,
  namespace: string,
  forge: ForgeInMemory,
  dies: (deed: Deed) => boolean = () => false,
): Promise<ControllerInProcess> {
  let dead = false;
  async function living<R>(what: string, detail: Manifest | undefined, work: () => Promise<R>): Promise<R> {
    if (dead) throw new Error('killed');
    const result = await work();
    if (dies({ what, detail })) dead = true;
    if (dead) throw new Error('killed');
    return result;
  }
  const mortal: KubeClient = {
    ...client,
    create: (kind, manifest, options) =>
      living(`create ${kind.plural}`, manifest, () => client.create(kind, manifest, options)),
    apply: (kind, manifest, options) =>
      living(`apply ${kind.plural}`, manifest, () => client.apply(kind, manifest, options)),
    applyStatus: (kind, manifest, options) =>
      living(`status ${kind.plural}`, manifest, () => client.applyStatus(kind, manifest, options)),
    mergePatch: (kind, ...args) =>
      living(`patch ${kind.plural}`, undefined, () => client.mergePatch(kind, ...args)),
    delete: (kind, ...args) => living(`delete ${kind.plural}`, undefined, () => client.delete(kind, ...args)),
  };
  const log = pino({ level: 'silent' });
  const controller: Controller = createController({
    client: mortal,
    lease: { held: () => !dead },
    events: createEventRecorder({
      client: mortal,
      component: FieldManager.controller,
      instance: 'test',
      log,
    }),
    namespace,
    watchNamespaces: [namespace],
    issuer: ISSUER,
    audience: AUDIENCE,
    settings: { image: 'none', apiUrl: ISSUER },
    values: { prefix: 'hrt_', cell: undefined, routableNamespaces: [] },
    rotation: DEFAULT_ROTATION,
    credentialHosts: [],
    forges: {
      namePrefix: forge.namePrefix,
      open(settings): Forge {
        const real = forge.open(settings);
        return {
          ...real,
          join: (runner) => living('join', undefined, () => real.join(runner)),
          list: (prefix) => living('list', undefined, () => real.list(prefix)),
          remove: (id) => living('remove', undefined, () => real.remove(id)),
          queued: (labels) => living('queued', undefined, () => real.queued(labels)),
        };
      },
    },
    registry: new Registry(),
    log,
  });
  await controller.watch();
  await controller.lead();
  return {
    stop: () => controller.stop(),
    get dead() {
      return dead;
    },
  };
}

/** A pool whose runners join the test's forge, asked every two seconds. */
export async function makeForgePool(
  client: KubeClient,
  namespace: string,
  name: string,
  spec: Record<string, unknown> = {},
  forge: Record<string, unknown> = {},
): Promise<PoolInCluster> {
  await putToken(client, namespace, name, { token: 'of-the-forge', webhookSecret: `hook-of-${name}` });
  await client.create(
    RunnerPoolKind,
    poolManifest(namespace, name, {
      forge: {
        type: 'gitea',
        url: 'https://gitea.example.test',
        credentialsSecretRef: { name },
        pollInterval: '2s',
        ...forge,
      },
      ...spec,
    }),
  );
  return new PoolInCluster(client, namespace, name);
}

export async function putToken(
  client: KubeClient,
  namespace: string,
  name: string,
  values: Record<string, string>,
): Promise<void> {
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  await client.apply(
    SecretKind,
    { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, data },
    { fieldManager: 'its-owner', force: true },
  );
}

/** Names of the pool's live runners that have their identity, once there are so many. */
export async function runnersOf(pool: PoolInCluster, count: number): Promise<string[]> {
  return await eventually(`${count} runners of ${pool.name}`, async () => {
    const tokens = await pool.tokens();
    const live = (await pool.live()).filter((pod) =>
      tokens.some(
        ({ spec, status }) =>
          spec.podRef?.uid === pod.metadata.uid &&
          spec.poolRef.name === pool.name &&
          status?.phase === 'Active',
      ),
    );
    return live.length === count && live.map((one) => one.metadata.name).sort();
  });
}

export async function recordOf(pool: PoolInCluster, podName: string) {
  return (await pool.tokens()).find((one) => one.metadata.name === podName)?.status?.forge;
}

/** What the sidecar asks the api for; the answer's status, and the files of a 200. */
export async function askToJoin(
  api: string,
  pool: PoolInCluster,
  podName: string,
): Promise<{ status: number; files?: Record<string, string>; code?: string; retryAfter: string | null }> {
  const secret = await pool.client.get(SecretKind, pool.namespace, tokenSecretName(podName));
  const jwt = Buffer.from(secret?.data?.[PodPart.tokenFile] ?? '', 'base64').toString('utf8');
  const answer = await fetch(`${api}/v1/runner/join`, { headers: { authorization: `Bearer ${jwt}` } });
  const body = (await answer.json()) as { files?: Record<string, string>; code?: string };
  return { status: answer.status, ...body, retryAfter: answer.headers.get('retry-after') };
}

/**
 * The first answer that is about joining: a replica refuses whom its watch has not told of yet, and everybody while it
 * does not hear the apiserver.
 */
export async function answerToJoin(api: string, pool: PoolInCluster, podName: string) {
  return await eventually(`an answer to ${podName}`, async () => {
    const answer = await askToJoin(api, pool, podName);
    return answer.status !== 401 && answer;
  });
}

/** The sidecar is up: only then may what the runner joins with be asked for. */
export async function install(pool: PoolInCluster, podName: string): Promise<void> {
  const runner = { state: 'Installing', since: new Date().toISOString() };
  await pool.tokenStatus(podName, { runner }, FieldManager.api);
}

/** As the join container does: asks until it gets it. */
export async function joined(
  api: string,
  pool: PoolInCluster,
  podName: string,
): Promise<Record<string, string>> {
  await install(pool, podName);
  return await eventually(`what ${podName} joins with`, async () => {
    const answer = await askToJoin(api, pool, podName);
    if (answer.status === 200) return answer.files;
    // The api bounds how often one runner may ask.
    await new Promise((resolve) => setTimeout(resolve, 500));
    throw new Error(JSON.stringify(answer));
  });
}

export async function eventsOf(pool: PoolInCluster, reason: string): Promise<string[]> {
  const { items } = await pool.client.list(EventKind, pool.namespace);
  return items
    .filter(
      (one) =>
        one.reason === reason &&
        (one as { involvedObject?: { name?: string } }).involvedObject?.name === pool.name,
    )
    .map((one) => one.message ?? '');
}
