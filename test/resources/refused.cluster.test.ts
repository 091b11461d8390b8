import { expect, test } from 'vitest';
import { useCluster } from '../support/cluster.ts';
import { create, type Fields, poolManifest, template, tokenManifest } from './pool_manifest.ts';

const cluster = useCluster();

const gitea = { type: 'gitea', url: 'https://gitea.example.com', credentialsSecretRef: { name: 'forge' } };
const JOBS = { issuer: 'https://forge.example.com', jwksUrl: 'https://forge.example.com/jwks' };
const QUOTA = 'spec.cache.limits.repositoryQuota';
const limits = (fields: Fields): Fields => ({ cache: { limits: fields } });
const runner = { name: 'runner', image: 'none' };
const ownLabel = { 'harrier.dev/pool': 'other' };

/** What of the spec is bad, and what the refusal must say: the field's whole path, and what is wrong with it. */
const BAD_POOLS: [what: string, spec: Fields, field: string, problem: string][] = [
  ['no template', { template: undefined }, 'spec.template', 'Required'],
  ['no pod spec', { template: {} }, 'spec.template.spec', 'Required'],
  [
    'no containers',
    { template: { spec: { containers: [] } } },
    'spec.template.spec.containers',
    'at least 1',
  ],
  [
    'no runner container',
    { template: { spec: { containers: [{ name: 'other', image: 'none' }] } } },
    'spec.template.spec.containers',
    'must have a container named runner',
  ],
  [
    'a container by the name of the sidecar',
    { template: { spec: { containers: [runner, { name: 'harrier', image: 'none' }] } } },
    'spec.template.spec.containers',
    'the container name harrier is taken',
  ],
  [
    'an init container by the name of the sidecar',
    { template: template({ initContainers: [{ name: 'harrier' }] }) },
    'spec.template.spec.initContainers',
    'the container name harrier is taken',
  ],
  [
    'two containers of one name',
    { template: { spec: { containers: [runner, runner] } } },
    'spec.template.spec.containers[1]',
    'Duplicate',
  ],
  [
    "a volume by the name of the token's",
    { template: template({ volumes: [{ name: 'harrier-token', emptyDir: {} }] }) },
    'spec.template.spec.volumes',
    'the volume name harrier-token is taken',
  ],
  [
    'shared processes',
    { template: template({ shareProcessNamespace: true }) },
    'spec.template.spec.shareProcessNamespace',
    'must not be true',
  ],
  [
    "the node's processes",
    { template: template({ hostPID: true }) },
    'spec.template.spec.hostPID',
    'must not be true',
  ],
  [
    "the node's network",
    { template: template({ hostNetwork: true }) },
    'spec.template.spec.hostNetwork',
    'must not be true',
  ],
  [
    'a label of ours',
    { template: { ...template({}), metadata: { labels: ownLabel } } },
    'spec.template.metadata.labels',
    "keys that begin with harrier.dev/ are Harrier's own",
  ],
  [
    'an annotation of ours',
    { template: { ...template({}), metadata: { annotations: ownLabel } } },
    'spec.template.metadata.annotations',
    "keys that begin with harrier.dev/ are Harrier's own",
  ],
  ['replicas below 0', { replicas: -1 }, 'spec.replicas', 'greater than or equal to 0'],
  ['replicas no int', { replicas: '3' }, 'spec.replicas', 'must be of type integer'],
  ['too many replicas', { replicas: 100_001 }, 'spec.replicas', 'less than or equal to 100000'],
  ['a ttl below 60 s', { token: { ttl: '59s' } }, 'spec.token.ttl', 'must be at least 60s'],
  ['a ttl of nothing', { token: { ttl: '' } }, 'spec.token.ttl', 'at least 2 chars'],
  ['a ttl over 24 h', { token: { ttl: '24h1s' } }, 'spec.token.ttl', 'must be at most 24h'],
  ['a ttl without unit', { token: { ttl: '3600' } }, 'spec.token.ttl', 'should match'],
  ['a ttl past counting', { token: { ttl: '99999999999999h' } }, 'spec.token.ttl', 'must be at most 24h'],
  ['an empty audience', { token: { audiences: [''] } }, 'spec.token.audiences[0]', 'at least 1 chars'],
  [
    'the audience of agents',
    { token: { audiences: ['harrier-agent'] } },
    'spec.token.audiences',
    'is the audience of agent tokens alone',
  ],
  ['an audience twice', { token: { audiences: ['a', 'a'] } }, 'spec.token.audiences[1]', 'Duplicate'],
  ['an unknown forge', { forge: { type: 'svn' } }, 'spec.forge.type', 'supported values: "none", "github"'],
  ['ftp', { forge: { ...gitea, url: 'ftp://gitea.example.com' } }, 'spec.forge.url', 'should match'],
  ['no scheme', { forge: { ...gitea, url: 'gitea.example.com' } }, 'spec.forge.url', 'should match'],
  ['no host', { forge: { ...gitea, url: 'https://' } }, 'spec.forge.url', 'should match'],
  [
    'a forge without URL',
    { forge: { ...gitea, url: undefined } },
    'spec.forge.url',
    'required unless type is none',
  ],
  [
    'a forge without credentials',
    { forge: { ...gitea, credentialsSecretRef: undefined } },
    'spec.forge.credentialsSecretRef',
    'required unless type is none',
  ],
  [
    'credentials without name',
    { forge: { ...gitea, credentialsSecretRef: {} } },
    'spec.forge.credentialsSecretRef.name',
    'Required',
  ],
  ...(['repository', 'organization', 'enterprise'] as const).map((type): [string, Fields, string, string] => [
    `scope ${type} without name`,
    { forge: { ...gitea, scope: { type } } },
    'spec.forge.scope',
    'name is required',
  ]),
  [
    'an enterprise of a forge that has none',
    { forge: { ...gitea, scope: { type: 'enterprise', name: 'corp' } } },
    'spec.forge.scope',
    'with type github alone',
  ],
  [
    'GitHub without a scope',
    { forge: { ...gitea, type: 'github', scope: undefined } },
    'spec.forge.scope',
    'a repository, an organization or an enterprise',
  ],
  [
    'all of GitHub',
    { forge: { ...gitea, type: 'github', scope: { type: 'instance' } } },
    'spec.forge.scope',
    'a repository, an organization or an enterprise',
  ],
  [
    'a runner group of a repository',
    {
      forge: { ...gitea, type: 'github', scope: { type: 'repository', name: 'acme/app' }, runnerGroup: 'g' },
    },
    'spec.forge.runnerGroup',
    'no runner groups',
  ],
  [
    'scope instance with a name',
    { forge: { ...gitea, scope: { type: 'instance', name: 'acme' } } },
    'spec.forge.scope',
    'refused for instance',
  ],
  [
    'an unknown scope',
    { forge: { ...gitea, scope: { type: 'team' } } },
    'spec.forge.scope.type',
    'supported values',
  ],
  ['no cache scopes', { cache: { scopes: [] } }, 'spec.cache.scopes', 'at least 1'],
  [
    'a cache scope twice',
    { cache: { scopes: [{ name: 'a' }, { name: 'a' }] } },
    'spec.cache.scopes[1]',
    'Duplicate',
  ],
  [
    'an unknown permission',
    { cache: { scopes: [{ name: 'a', permission: 'Admin' }] } },
    'spec.cache.scopes[0].permission',
    'supported values: "Read", "Write", "ReadWrite"',
  ],
  ['a quota that is no size', limits({ repositoryQuota: '10 GB' }), QUOTA, 'should match'],
  ['a quota with an exponent', limits({ repositoryQuota: '1e9' }), QUOTA, 'should match'],
  ['a quota below nothing', limits({ repositoryQuota: '-1Gi' }), QUOTA, 'should match'],
  ['a quota of a number', limits({ repositoryQuota: 10 }), QUOTA, 'must be of type string'],
  ['a quota too small for any entry', limits({ repositoryQuota: '1023Ki' }), QUOTA, 'must be at least 1Mi'],
  ['a quota past counting', limits({ repositoryQuota: '2Pi' }), QUOTA, 'must be at most 1Pi'],
  ["a pool's quota of nothing", limits({ poolQuota: '0' }), 'spec.cache.limits.poolQuota', 'at least 1Mi'],
  ['entries of no size', limits({ maxEntrySize: '0' }), 'spec.cache.limits.maxEntrySize', 'at least 1Ki'],
  ['an expiry in days', limits({ unreadExpiry: '7d' }), 'spec.cache.limits.unreadExpiry', 'should match'],
  [
    'an expiry past counting',
    limits({ unreadExpiry: '87601h' }),
    'spec.cache.limits.unreadExpiry',
    'must be at most 87600h',
  ],
  [
    'no creations',
    limits({ creationsPerMinute: 0 }),
    'spec.cache.limits.creationsPerMinute',
    'greater than or equal to 1',
  ],
  ['a misspelt limit', limits({ quota: '1Gi' }), 'spec.cache.limits.quota', 'unknown field'],
  [
    'scopes from jobs of nobody',
    { cache: { scopesFrom: 'Job' } },
    'spec.cache.jobIdentity',
    'is required where',
  ],
  [
    'jobs that nobody asks',
    { cache: { jobIdentity: JOBS } },
    'spec.cache.scopesFrom',
    'jobIdentity is used by scopesFrom Job alone',
  ],
  [
    'keys of jobs behind a password',
    { cache: { scopesFrom: 'Job', jobIdentity: { ...JOBS, jwksUrl: 'https://a:b@forge.example.com/' } } },
    'spec.cache.jobIdentity.jwksUrl',
    'should match',
  ],
  [
    'a scope for every other one where the pool says them all',
    { cache: { scopes: [{ name: '*' }] } },
    'spec.cache.scopes',
    'with scopesFrom Job alone',
  ],
  ['scopes from nowhere', { cache: { scopesFrom: 'Forge' } }, 'spec.cache.scopesFrom', '"Pool", "Job"'],
  [
    'back-off the wrong way round',
    { lifecycle: { backoff: { initial: '10m', max: '5m' } } },
    'spec.lifecycle.backoff.initial',
    'must not be longer than max',
  ],
  [
    'no attempt',
    { lifecycle: { maxAttempts: 0 } },
    'spec.lifecycle.maxAttempts',
    'greater than or equal to 1',
  ],
  [
    'no time to start',
    { lifecycle: { startupTimeout: '0s' } },
    'spec.lifecycle.startupTimeout',
    'must be at least 1s',
  ],
  [
    'an unknown end',
    { lifecycle: { onDelete: 'Keep' } },
    'spec.lifecycle.onDelete',
    'supported values: "Drain", "Delete"',
  ],
  [
    'a surge below 0',
    { updateStrategy: { maxSurge: -1 } },
    'spec.updateStrategy.maxSurge',
    'greater than or equal to 0',
  ],
  ['a misspelt field', { replica: 3 }, 'spec.replica', 'unknown field'],
];

test.each(BAD_POOLS)('a pool with %s is refused by the field', async (_, spec, field, problem) => {
  const refusal = await create(cluster, poolManifest('bad', spec), true).then(
    () => 'accepted',
    (error: Error) => error.message,
  );
  const lines = refusal.split('\n').filter((line) => line.includes(problem));
  expect(lines, refusal).not.toEqual([]);
  expect(
    lines.some((line) => line.includes(`${field}:`) || line.includes(`"${field}"`)),
    refusal,
  ).toBe(true);
});

test.each<[what: string, spec: Fields, field: string]>([
  ['an unknown type', { type: 'Personal' }, 'spec.type'],
  ['neither pod nor runner', { podRef: undefined }, 'spec'],
  ['both a pod and a runner', { runner: { name: 'mac' }, parentRef: { name: 'p', uid: 'u' } }, 'spec'],
  ['a runner and no parent', { podRef: undefined, runner: { name: 'mac' } }, 'spec.parentRef'],
  ['a pod and no UID of its pool', { poolRef: { name: 'pool' } }, 'spec.poolRef.uid'],
  ['what a Registration token has', { usage: 'OneTime' }, 'spec'],
  ['a scope of the instance with a name', { scope: { type: 'instance', name: 'acme' } }, 'spec.scope'],
  ['a routing that would break a line', { routing: { cell: 'a\nb' } }, 'spec.routing.cell'],
  ['a pod without UID', { podRef: { name: 'pod' } }, 'spec.podRef.uid'],
  ['no audience', { audiences: [] }, 'spec.audiences'],
  ['attempt 0', { attempt: 0 }, 'spec.attempt'],
  ['a ttl below 60 s', { ttl: '59s' }, 'spec.ttl'],
])('a token with %s is refused by the field', async (_, spec, field) => {
  await expect(create(cluster, tokenManifest('bad', spec), true)).rejects.toThrow(`${field}: `);
});

test('a token is never re-pointed; its labels may change', async () => {
  await create(cluster, tokenManifest('fixed'));
  const patch = (body: Fields) =>
    cluster.kubectl('patch', 'rt', 'fixed', '--type=merge', '-p', JSON.stringify(body));
  for (const spec of [
    { attempt: 2 },
    { podRef: { uid: 'other' } },
    { audiences: ['harrier', 'more'] },
    { ttl: '2h' },
  ])
    await expect(patch({ spec }), JSON.stringify(spec)).rejects.toThrow(
      /spec: .*a Runtime token is never re-pointed/,
    );
  await patch({ metadata: { labels: { team: 'a' } } });
});

const registration = (name: string, spec: Fields = {}): Fields => ({
  apiVersion: 'harrier.dev/v1alpha1',
  kind: 'RunnerToken',
  metadata: { name },
  spec: { type: 'Registration', usage: 'Reusable', poolRef: { name: 'pool' }, ...spec },
});

test.each<[string, Fields, string]>([
  ['no usage', { usage: undefined }, 'spec.usage'],
  ['another usage', { usage: 'Twice' }, 'spec.usage'],
  ['a pod', { podRef: { name: 'pod', uid: 'uid' } }, 'spec'],
  ['a parent', { parentRef: { name: 'p', uid: 'u' } }, 'spec'],
  ['no pool', { poolRef: undefined }, 'spec.poolRef'],
  ['a time that is none', { expiresAt: 'tomorrow' }, 'spec.expiresAt'],
  ['no uses', { maxUses: 0 }, 'spec.maxUses'],
  ['a prefix that could not be read back', { prefix: 'hrt' }, 'spec.prefix'],
  ['a Secret without a name', { secretRef: {} }, 'spec.secretRef.name'],
  ['an end that is none', { onRevoke: 'Kill' }, 'spec.onRevoke'],
])('a registration token with %s is refused by the field', async (_, spec, field) => {
  await expect(create(cluster, registration('bad', spec), true)).rejects.toThrow(`${field}: `);
});

test('a registration token is opened, closed and pinned while it lives, and never moved', async () => {
  const scope = { type: 'organization', name: 'acme' };
  await create(cluster, registration('moved', { scope }));
  const patch = (spec: Fields) =>
    cluster.kubectl('patch', 'rt', 'moved', '--type=merge', '-p', JSON.stringify({ spec }));
  for (const spec of [
    { active: false },
    { usage: 'OneTime' },
    { maxUses: 3, expiresAt: '2030-01-01T00:00:00Z', description: 'for the Macs' },
    { supersedes: false, onRevoke: 'Delete', retention: '1h' },
  ])
    await patch(spec);
  for (const spec of [
    { poolRef: { name: 'other' } },
    { scope: { type: 'instance', name: null } },
    { scope: null },
    { routing: { cell: '2' } },
    { secretRef: { name: 'other' } },
    { prefix: 'other_' },
  ])
    await expect(patch(spec), JSON.stringify(spec)).rejects.toThrow(/never change: make a new token/);
  await expect(patch({ type: 'Runtime' })).rejects.toThrow(/spec.type: .*type never changes/);
});
