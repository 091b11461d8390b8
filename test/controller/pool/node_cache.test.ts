import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { nodeCacheOf } from '../../../src/controller/pool/node_cache.ts';
import { plan } from '../../../src/controller/pool/plan.ts';
import { runnerPod } from '../../../src/controller/pool/runner_pod.ts';
import { templateHash } from '../../../src/controller/pool/template_hash.ts';
import { templateRefusals } from '../../../src/controller/pool/template_refusal.ts';
import { createIsTenant, ownTenant } from '../../../src/sidecar/own_tenant.ts';
import { NOW, observed, pool, spec } from './builders.ts';

const GIB = 2 ** 30;
const ALLOWED = { path: '/var/lib/harrier/cache', maxBytes: 20 * GIB };
const SETTINGS = { image: 'harrier:1', apiUrl: 'http://api:8080', nodeCache: ALLOWED };
const PLACE = { slot: 0, serial: 1, attempt: 1, templateHash: 'abc' };
const ASKING = { cache: { nodeLocal: { enabled: true } } };
const digest = (text: string) => createHash('sha256').update(text).digest('hex');

interface Container {
  name: string;
  env?: { name: string; value: string }[];
  securityContext?: unknown;
  volumeMounts?: { name: string; mountPath: string; subPath?: string }[];
}

function podOf(changes: Record<string, unknown>, names = { namespace: 'ci', name: 'linux' }) {
  const made = runnerPod({ ...names, uid: 'u', spec: spec(changes) }, PLACE, SETTINGS);
  return made.spec as {
    volumes: { name: string; hostPath?: { path: string; type: string } }[];
    initContainers: Container[];
    containers: Container[];
  };
}

const folderOf = (...args: Parameters<typeof podOf>) =>
  podOf(...args).volumes.find((one) => one.name === 'harrier-node-cache')?.hostPath;

function repository(name: string, url = 'https://git.example.com') {
  const scope = { type: 'repository', name };
  return { ...ASKING, forge: { type: 'gitea', url, scope, credentialsSecretRef: { name: 'c' } } };
}

describe('the pod of a pool with a node-local cache', () => {
  it('has its own tenant’s folder alone, in the sidecar alone', () => {
    const made = podOf(ASKING);
    const path = `${ALLOWED.path}/${digest('ci/linux')}`;
    expect(folderOf(ASKING)).toEqual({ path, type: 'DirectoryOrCreate' });
    const mounting = [...made.initContainers, ...made.containers].filter((one) =>
      one.volumeMounts?.some((mount) => mount.name === 'harrier-node-cache'),
    );
    expect(mounting.map((one) => one.name)).toEqual(['harrier-node-cache', 'harrier']);
    expect(made.volumes.filter((one) => one.hostPath !== undefined)).toHaveLength(1);
    const env = Object.fromEntries(mounting[1]?.env?.map(({ name, value }) => [name, value]) ?? []);
    expect(env).toMatchObject({
      HARRIER_NODE_CACHE_DIR: '/var/cache/harrier',
      HARRIER_NODE_CACHE_BYTES: String(10 * GIB),
      HARRIER_NODE_CACHE_TENANT: digest('ci/linux'),
    });
  });

  it('gives the folder to the sidecar’s user first, with no right more than that takes', () => {
    const [first, second] = podOf(ASKING).initContainers;
    expect(first?.securityContext).toMatchObject({
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      privileged: false,
      capabilities: { drop: ['ALL'], add: ['CHOWN'] },
      readOnlyRootFilesystem: true,
    });
    expect(second?.securityContext).toMatchObject({ runAsUser: 65_532, capabilities: { drop: ['ALL'] } });
  });

  it('shares it with the pools of the same repository and namespace, and with no others', () => {
    const mine = folderOf(repository('acme/app'));
    expect(folderOf(repository('acme/app'), { namespace: 'ci', name: 'arm' })).toEqual(mine);
    const others = [
      folderOf(repository('acme/app2')),
      folderOf(repository('acme/app', 'https://other.example.com')),
      folderOf(repository('acme/app'), { namespace: 'cd', name: 'linux' }),
      folderOf(ASKING),
      folderOf(ASKING, { namespace: 'ci', name: 'arm' }),
    ];
    expect(new Set([mine, ...others].map((one) => one?.path)).size).toBe(6);
  });

  it('is another pod: its runners are replaced when what it may keep changes', () => {
    const hash = (changes: Record<string, unknown>) => {
      const standing = nodeCacheOf(
        { metadata: { namespace: 'ci', name: 'linux' }, spec: spec(changes) },
        ALLOWED,
      );
      return templateHash(
        spec(changes),
        SETTINGS,
        standing.standing === 'Given' ? standing.given : undefined,
      );
    };
    const hashes = [{}, ASKING, { cache: { nodeLocal: { enabled: true, size: '1Gi' } } }].map(hash);
    expect(new Set(hashes).size).toBe(3);
  });

  it('has at most what the installation allows', () => {
    const greedy = { cache: { nodeLocal: { enabled: true, size: '1Ti' } } };
    const standing = nodeCacheOf(
      { metadata: { namespace: 'ci', name: 'linux' }, spec: spec(greedy) },
      ALLOWED,
    );
    expect(standing).toMatchObject({ standing: 'Given', given: { limitBytes: 20 * GIB } });
  });
});

describe('a pool that asks for what it may not have', () => {
  const standingOf = (changes: Record<string, unknown>, allowed?: typeof ALLOWED) =>
    nodeCacheOf({ metadata: { namespace: 'ci', name: 'linux' }, spec: spec(changes) }, allowed);
  const jobIdentity = { issuer: 'https://a', jwksUrl: 'https://a/keys' };
  it.each([
    ['an installation without', ASKING, undefined, 'NotAllowed'],
    ['no cache', { cache: { enabled: false, nodeLocal: { enabled: true } } }, ALLOWED, 'CacheDisabled'],
    [
      'jobs of any repository',
      { cache: { scopesFrom: 'Job', jobIdentity, nodeLocal: { enabled: true } } },
      ALLOWED,
      'ScopesFromJob',
    ],
  ])('is told so, and works without: %s', (_, changes, allowed, reason) => {
    const nodeCache = standingOf(changes, allowed);
    expect(nodeCache).toMatchObject({ standing: 'Refused', reason });
    const { status, actions } = plan(observed({ pool: pool({ spec: spec(changes) }), nodeCache }), NOW);
    const said = status.conditions.find((one) => one.type === 'NodeLocalCache');
    expect(said).toMatchObject({ status: 'False', reason });
    expect(actions.some((one) => one.type === 'CreateRunner')).toBe(true);
    expect(status.conditions.find((one) => one.type === 'Degraded')?.status).toBe('False');
  });

  it('is told when it has it, and nothing once it asks no more', () => {
    const given = standingOf(ASKING, ALLOWED);
    const first = plan(observed({ nodeCache: given }), NOW).status;
    expect(first.conditions.find((one) => one.type === 'NodeLocalCache')).toMatchObject({ status: 'True' });
    const later = plan(observed({ pool: pool({ status: first }) }), NOW).status;
    expect(later.conditions.map((one) => one.type)).toEqual(['Degraded', 'Progressing', 'Ready']);
    expect(standingOf({}, ALLOWED)).toEqual({ standing: 'NotAsked' });
  });
});

describe('a template', () => {
  const hostPath = (path: string) => ({ volumes: [{ name: 'v', hostPath: { path } }], containers: [] });
  it.each([
    '/var/lib/harrier/cache',
    '/var/lib/harrier/cache/abc',
    '/var/lib',
    '/',
    '/var/lib/harrier/cache/',
  ])('can’t show the nodes’ folder to the job: %s', (path) => {
    const fields = templateRefusals(hostPath(path), ALLOWED.path).map((one) => one.field);
    expect(fields).toContain('spec.template.spec.volumes[0].hostPath.path');
  });
  it('can show others', () => {
    expect(templateRefusals(hostPath('/var/lib/other'), ALLOWED.path)).toEqual([]);
    expect(templateRefusals(hostPath('/var/lib/harrier/cache2'), ALLOWED.path)).toEqual([]);
    expect(templateRefusals(hostPath('/srv'), undefined)).toEqual([]);
  });
  it.each([
    { volumes: [{ name: 'harrier-node-cache', emptyDir: {} }] },
    { containers: [{ name: 'harrier-node-cache' }] },
    { containers: [{ name: 'runner', volumeMounts: [{ name: 'harrier-node-cache', mountPath: '/x' }] }] },
  ])('can’t take the names of Harrier’s own parts: %j', (podSpec) => {
    expect(templateRefusals(podSpec, undefined)).toHaveLength(1);
  });
});

describe('a sidecar whose token is for another tenant', () => {
  const token = (tenant: string) =>
    `x.${Buffer.from(JSON.stringify({ 'harrier.dev': { cache: { tenant } } })).toString('base64url')}.x`;
  it('knows that the folder is not its own, from the moment its token says so', () => {
    expect(ownTenant(token('ci/linux'))).toBe(digest('ci/linux'));
    for (const none of ['', 'x', 'a.b.c', token(7 as never)]) expect(ownTenant(none)).toBeUndefined();
    let current = token('ci/linux');
    const isTenant = createIsTenant(() => current, digest('ci/linux'));
    expect(isTenant()).toBe(true);
    current = token('ci/git.example.com/acme/app');
    expect(isTenant()).toBe(false);
  });
});
