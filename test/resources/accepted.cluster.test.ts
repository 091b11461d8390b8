import { expect, test } from 'vitest';
import { customResources, objectSchema } from '../../src/resources/crd.ts';
import { type RunnerPool, runnerPool } from '../../src/resources/runner_pool.ts';
import { type RunnerToken, runnerToken } from '../../src/resources/runner_token.ts';
import type { StructuralSchema } from '../../src/resources/structural_schema.ts';
import { useCluster } from '../support/cluster.ts';
import { create, type Fields, poolManifest, template, tokenManifest } from './pool_manifest.ts';

const cluster = useCluster();

const patchStatus = (kind: string, name: string, status: Fields) =>
  cluster.kubectl(
    ...['patch', kind, name, '--subresource=status', '--type=merge'],
    ...['-p', JSON.stringify({ status })],
  );

test('both kinds are served without a complaint about their schemas', async () => {
  for (const { plural } of customResources) {
    const { status } = await cluster.kubectlJson<{
      status: { conditions: { type: string; status: string }[] };
    }>(...['get', 'crd', `${plural}.harrier.dev`]);
    const truths = status.conditions.filter((one) => one.status === 'True').map((one) => one.type);
    expect(truths.sort()).toEqual(['Established', 'NamesAccepted']);
  }
});

test('the apiserver fills in the same defaults as the schemas do', async () => {
  const pool = await create<RunnerPool>(cluster, poolManifest('defaults'));
  expect(pool.spec).toEqual(runnerPool.shape.spec.parse({ template: template({}) }));
  expect(pool.spec).toMatchObject({ replicas: 1, forge: { type: 'none' }, token: { ttl: '1h' } });
  const token = await create<RunnerToken>(cluster, tokenManifest('defaults'));
  expect(token.spec).toEqual(runnerToken.shape.spec.parse(tokenManifest('x').spec));
  await patchStatus('rp', 'defaults', { replicas: 2 });
  const { status } = await cluster.kubectlJson<RunnerPool>('get', 'rp', 'defaults');
  expect(status).toEqual(runnerPool.shape.status.parse({ replicas: 2 }));
});

test('all that a pod template may hold is kept, and read by the schemas as it stands', async () => {
  const kept = {
    metadata: { labels: { team: 'a' }, annotations: { 'example.com/b': 'c' } },
    spec: {
      containers: [
        {
          name: 'runner',
          image: 'none',
          env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
          resources: { limits: { cpu: '1', memory: '1Gi' } },
          volumeMounts: [{ name: 'work', mountPath: '/work' }],
          lifecycle: { preStop: { sleep: { seconds: 5 } } },
        },
        { name: 'db', image: 'none' },
      ],
      initContainers: [{ name: 'prepare', image: 'none', restartPolicy: 'Always' }],
      volumes: [
        { name: 'work', ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'] } } } },
      ],
      affinity: { nodeAffinity: {} },
      tolerations: [{ operator: 'Exists' }],
      shareProcessNamespace: false,
      aFieldOfLaterYears: { deep: [1, { x: null }] },
    },
  };
  const pool = await create<RunnerPool>(cluster, poolManifest('template', { template: kept }));
  expect(pool.spec.template).toEqual(kept);
  expect(runnerPool.parse(pool).spec.template).toEqual(kept);
});

test('a pool may have any name that Kubernetes takes', async () => {
  await create(cluster, poolManifest(`${'long.'.repeat(50)}x`), true);
});

test('kubectl scale, and any autoscaler, own replicas by the scale subresource', async () => {
  await create(cluster, poolManifest('scaled'));
  await patchStatus('rp', 'scaled', { replicas: 1, selector: 'harrier.dev/pool=scaled' });
  await cluster.kubectl('scale', 'rp/scaled', '--replicas=4');
  const path = `/apis/harrier.dev/v1alpha1/namespaces/${cluster.namespace}/runnerpools/scaled/scale`;
  expect(JSON.parse(await cluster.kubectl('get', '--raw', path))).toMatchObject({
    spec: { replicas: 4 },
    status: { replicas: 1, selector: 'harrier.dev/pool=scaled' },
  });
  await expect(cluster.kubectl('scale', 'rp/scaled', '--replicas=-1')).rejects.toThrow('replicas');
});

test('kubectl get rp and rt print what a person wants to know', async () => {
  await create(cluster, poolManifest('shown', { replicas: 5 }));
  const ready = {
    type: 'Ready',
    status: 'False',
    reason: 'Starting',
    message: '3 of 5 runners ready',
    lastTransitionTime: at(0),
  };
  await patchStatus('rp', 'shown', {
    readyReplicas: 3,
    idleReplicas: 2,
    busyReplicas: 1,
    queued: 7,
    conditions: [ready],
  });
  expect(await rows('rp', 'shown')).toEqual([
    ['NAME', 'DESIRED', 'READY', 'IDLE', 'BUSY', 'QUEUED', 'FORGE', 'AGE', 'STATUS'],
    ['shown', '5', '3', '2', '1', '7', 'none', expect.stringMatching(/^\d+s$/), '3 of 5 runners ready'],
  ]);
  expect((await rows('rp', 'shown', '-o', 'wide'))[1]).toContain('Starting');

  await create(cluster, tokenManifest('shown'));
  await patchStatus('rt', 'shown', {
    phase: 'Active',
    expiresAt: at(3_600_000),
    runner: { state: 'Busy', since: at(0) },
  });
  expect(await rows('rt', 'shown')).toEqual([
    ['NAME', 'TYPE', 'POOL', 'RUNNER', 'USAGE', 'USES', 'LAST USED BY', 'PHASE', 'EXPIRES'],
    ['shown', 'Runtime', 'pool', 'pod', 'Active', at(3_600_000)],
  ]);
  expect((await rows('rt', 'shown', '-o', 'wide'))[1]).toContain('Busy');

  const join = {
    type: 'Registration',
    usage: 'Reusable',
    poolRef: { name: 'shown' },
    expiresAt: at(7_200_000),
  };
  const { apiVersion, kind } = tokenManifest('join');
  await create(cluster, { apiVersion, kind, metadata: { name: 'join' }, spec: join });
  await patchStatus('rt', 'join', { phase: 'Active', uses: 3, lastUsedBy: 'mac-7', lastUsedAt: at(0) });
  expect((await rows('rt', 'join'))[1]).toEqual([
    'join',
    'Registration',
    'shown',
    'Reusable',
    '3',
    'mac-7',
    'Active',
    at(7_200_000),
  ]);
  expect(await cluster.kubectl('get', 'harrier', '-o', 'name')).toMatch(/runnerpool.*\n(.*\n)*.*runnertoken/);
});

test('kubectl explain has a text for every field', { timeout: 120_000 }, async () => {
  const paths = customResources.flatMap((resource) => [
    resource.plural,
    ...fieldPaths(objectSchema(resource).properties?.spec, `${resource.plural}.spec`),
    ...fieldPaths(objectSchema(resource).properties?.status, `${resource.plural}.status`),
  ]);
  expect(paths.length).toBeGreaterThan(90);
  const silent: string[] = [];
  const next = paths.values();
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (const path of next) {
        const text = await cluster.kubectl('explain', path);
        if (!/^DESCRIPTION:\n +\S/m.test(text) || text.includes('<empty>')) silent.push(path);
      }
    }),
  );
  expect(silent).toEqual([]);
});

const start = new Date('2030-01-01T00:00:00Z').getTime();

function at(afterMs: number): string {
  return new Date(start + afterMs).toISOString().replace('.000', '');
}

async function rows(...args: string[]): Promise<string[][]> {
  const text = await cluster.kubectl('get', ...args);
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(/\s{2,}/).map((cell) => cell.trim()));
}

function* fieldPaths(schema: StructuralSchema | undefined, path: string): Generator<string> {
  if (schema === undefined) return;
  yield path;
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    yield* fieldPaths(field, `${path}.${name}`);
    if (field.items?.properties !== undefined)
      for (const [inner, item] of Object.entries(field.items.properties))
        yield* fieldPaths(item, `${path}.${name}.${inner}`);
  }
}
