import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunnerPoolKind } from '../../../src/kube/kinds.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { issueToken } from '../../../src/tokens/issue.ts';
import type { SigningKey } from '../../../src/tokens/keys.ts';
import { clientOf, poolManifest } from '../../controller/pool_in_cluster.ts';
import type { TestCluster } from '../../support/cluster.ts';
import { AUDIENCE, ISSUER } from '../../tokens/builders.ts';
import { type ApiProcess, startApi } from '../api_process.ts';
import { makeRunner, publishKey } from '../cluster_runner.ts';
import { patiently } from '../patiently.ts';

/** A real api with management over a real apiserver, and people with and without rights. */
export interface ManagementStand {
  api: ApiProcess;
  client: KubeClient;
  /** Where the api keeps bytes, when it keeps them in the folder. */
  dataDir: string;
  /** A namespace with pools, and another of which the people of the first see nothing. */
  ours: string;
  theirs: string;
  /** A ServiceAccount with these rules in the namespace; answers a token of it. */
  person(name: string, namespace: string, rules: readonly Rule[], audience?: string): Promise<string>;
  /** A runner of a pool that may save; the pool is made when there is none. */
  saver(namespace: string, pool: string, repository?: string): Promise<Saver>;
  stop(): Promise<void>;
}

export interface Rule {
  resources: string[];
  verbs: string[];
}

export interface Saver {
  name: string;
  save(key: string, bytes: string): Promise<void>;
  lookup(key: string): Promise<boolean>;
}

export const VIEW: readonly Rule[] = [
  { resources: ['runnerpools', 'runnertokens'], verbs: ['get', 'list', 'watch'] },
  { resources: ['runnerpools/caches'], verbs: ['get'] },
];
export const EDIT: readonly Rule[] = [...VIEW, { resources: ['runnerpools/caches'], verbs: ['delete'] }];

export const FORGE = 'https://forge.example.test';

export async function startManagement(
  cluster: TestCluster,
  options: { main?: string; env?: Record<string, string> } = {},
): Promise<ManagementStand> {
  const client = clientOf(cluster.kubeconfig);
  const [ours, theirs] = [await cluster.newNamespace(), await cluster.newNamespace()];
  const key = await publishKey(client, cluster.namespace);
  const dataDir = await mkdtemp(join(tmpdir(), 'harrier-management-'));
  const api = await startApi({
    kubeconfig: cluster.kubeconfig,
    namespace: cluster.namespace,
    runners: `${ours},${theirs}`,
    env: { HARRIER_MANAGEMENT: 'true', HARRIER_DATA_DIR: dataDir, ...options.env },
    ...(options.main === undefined ? {} : { main: options.main }),
  });
  return {
    api,
    client,
    dataDir,
    ours,
    theirs,
    person: (name, namespace, rules, audience) => makePerson(cluster, name, namespace, rules, audience),
    saver: (namespace, pool, repository) => makeSaver(api.url, client, key, { namespace, pool, repository }),
    async stop() {
      await api.stop();
      await client.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function makePerson(
  cluster: TestCluster,
  name: string,
  namespace: string,
  rules: readonly Rule[],
  audience = 'harrier-management',
): Promise<string> {
  const metadata = { name, namespace };
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  const rbac = 'rbac.authorization.k8s.io/v1';
  const objects = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: rbac,
      kind: 'Role',
      metadata,
      rules: rules.map((one) => ({ apiGroups: ['harrier.dev'], ...one })),
    },
    { apiVersion: rbac, kind: 'RoleBinding', metadata, roleRef, subjects },
  ];
  const input = objects.map((one) => JSON.stringify(one)).join('\n---\n');
  await cluster.kubectl('apply', '--namespace', namespace, '-f', '-', { input });
  const [first] = rules;
  if (first !== undefined)
    await untilAllowed(cluster, `system:serviceaccount:${namespace}:${name}`, namespace, first);
  return await tokenOf(cluster, name, namespace, audience);
}

/** The apiserver learns of roles by a watch of its own, and the api remembers for seconds what it said too early. */
async function untilAllowed(
  cluster: TestCluster,
  user: string,
  namespace: string,
  { resources: [resource = ''], verbs: [verb = ''] }: Rule,
): Promise<void> {
  const [kind, subresource] = resource.split('/');
  const what = [
    verb,
    `${kind}.harrier.dev`,
    ...(subresource === undefined ? [] : [`--subresource=${subresource}`]),
  ];
  await eventually(() => cluster.kubectl('auth', 'can-i', ...what, '--as', user, '--namespace', namespace));
}

export async function tokenOf(
  cluster: TestCluster,
  name: string,
  namespace: string,
  audience = 'harrier-management',
): Promise<string> {
  const args = ['create', 'token', name, '--namespace', namespace, `--audience=${audience}`, '--duration=1h'];
  return (await cluster.kubectl(...args)).trim();
}

interface SaverOptions {
  namespace: string;
  pool: string;
  repository: string | undefined;
}

async function makeSaver(
  url: string,
  client: KubeClient,
  key: SigningKey,
  { namespace, pool: name, repository }: SaverOptions,
): Promise<Saver> {
  const scope = { type: 'repository', name: repository };
  const forge = { type: 'gitea', url: FORGE, scope, credentialsSecretRef: { name: 'forge' } };
  const spec = { replicas: 3, ...(repository === undefined ? {} : { forge }) };
  const pool =
    (await client.get(RunnerPoolKind, namespace, name)) ??
    (await client.create(RunnerPoolKind, poolManifest(namespace, name, spec)));
  const runner = await makeRunner(client, {
    namespace,
    name: `${name}-${crypto.randomUUID().slice(0, 8)}`,
    key,
    pool: { name, uid: pool.metadata.uid },
  });
  const { jwt } = await issueToken({
    token: runner.token,
    pool,
    issuer: ISSUER,
    audience: AUDIENCE,
    key,
    now: new Date(),
  });
  const ask = async (path: string, body: unknown) => {
    const answer = await patiently(() =>
      fetch(`${url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${jwt}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    );
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return text === '' ? {} : JSON.parse(text);
  };
  await eventually(() => ask('/v1/runner/status', { state: 'Idle' }));
  const version = 'ab12';
  return {
    name: runner.name,
    async save(cacheKey, bytes) {
      const { uploadId } = await ask('/v1/cache/uploads', { key: cacheKey, version });
      const size = Buffer.byteLength(bytes);
      const offered = { parts: [{ number: 1, sizeBytes: size }] };
      const { parts } = await ask(`/v1/cache/uploads/${uploadId}/parts`, offered);
      const put = await patiently(() => fetch(new URL(parts[0].url, url), { method: 'PUT', body: bytes }));
      if (!put.ok) throw new Error(`the part: ${put.status} ${await put.text()}`);
      await ask(`/v1/cache/uploads/${uploadId}/commit`, { sizeBytes: size, parts: [1] });
    },
    lookup: async (cacheKey) => (await ask('/v1/cache/lookup', { keys: [cacheKey], version })).hit,
  };
}

async function eventually(attempt: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((go) => setTimeout(go, 100));
    }
  }
}

/** A file with the token, as --token-file reads it. */
export async function tokenFile(folder: string, token: string): Promise<string> {
  const path = join(folder, `token-${crypto.randomUUID()}`);
  await writeFile(path, `${token}\n`, { mode: 0o600 });
  return path;
}
