import { beforeAll, describe, expect, test } from 'vitest';
import { parseCellsFile } from '../../src/router/cells_file.ts';
import { useCluster } from '../support/cluster.ts';
import { apply, CHART, helm, kinds, type Manifest, only, render, type Values } from './chart.ts';

const cluster = useCluster();
let runners: string[];

beforeAll(async () => {
  runners = [await cluster.newNamespace(), await cluster.newNamespace()];
});

const CELLS = {
  '1': { url: 'http://harrier-api.cell-1.svc' },
  'eu-west': { url: 'https://eu.example:8443/' },
};
const monitoring = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } };

const VALUES: [name: string, values: () => Values][] = [
  ['defaults', () => ({})],
  ['two runner namespaces', () => ({ runnerNamespaces: runners })],
  ['standbys', () => ({ controller: { replicas: 3 } })],
  ['a claim', () => ({ api: { data: { persistent: true, storageClassName: 'fast', size: '1Gi' } } })],
  ['a claim made beforehand', () => ({ api: { data: { existingClaim: 'mine' } } })],
  [
    'no network policies, no CRDs, no user roles',
    () => ({
      networkPolicy: { enabled: false },
      crds: { install: false },
      userRoles: { create: false },
    }),
  ],
  [
    'a router',
    () => ({ router: { enabled: true, cells: CELLS }, networkPolicy: { routerFrom: [monitoring] } }),
  ],
  ['everything set', everything],
];

describe.each(VALUES)('with %s', (_, values) => {
  test('helm lint has nothing to say', async () => {
    const said = await helm(['lint', CHART, '--strict', '--values', '-'], JSON.stringify(values()));
    expect(said).not.toMatch(/\[(WARNING|ERROR)\]/);
  });

  test('the apiserver takes every object, strictly', async () => {
    const namespace = cluster.namespace;
    const manifests = (await render({ namespace, values: values() })).filter(servedByAnyCluster);
    expect(manifests.length).toBeGreaterThan(10);
    const taken = await apply(cluster, manifests, '--dry-run=server', '--validate=strict');
    expect(taken).toHaveLength(manifests.length);
  });
});

test('what runs is of a label that its Service, budget, policies and spread select', async () => {
  const manifests = await render({ values: { ...everything(), runnerNamespaces: ['ci'] } });
  const pods = kinds(manifests, 'Deployment').map((one) => one.spec.template.metadata.labels);
  const selected = (labels: Record<string, string>) => pods.filter((pod) => includes(pod, labels)).length;
  expect(selected(only(manifests, 'Service', 'harrier-api').spec.selector)).toBe(1);
  expect(selected(only(manifests, 'Service', 'harrier-router').spec.selector)).toBe(1);
  expect(selected(only(manifests, 'Service', 'harrier-metrics').spec.selector)).toBe(3);
  for (const kind of ['Deployment', 'PodDisruptionBudget'])
    for (const one of kinds(manifests, kind)) expect(selected(one.spec.selector.matchLabels), kind).toBe(1);
  for (const name of ['harrier-controller', 'harrier-api', 'harrier-router'])
    expect(selected(only(manifests, 'NetworkPolicy', name).spec.podSelector.matchLabels)).toBe(1);
  for (const one of kinds(manifests, 'Deployment'))
    expect(selected(one.spec.template.spec.topologySpreadConstraints[0].labelSelector.matchLabels)).toBe(1);
});

test('the ServiceMonitor scrapes the metrics Service by a port that the containers have', async () => {
  const manifests = await render({ values: everything() });
  const { selector, endpoints } = only(manifests, 'ServiceMonitor', 'harrier').spec;
  const service = only(manifests, 'Service', 'harrier-metrics');
  expect(includes(service.metadata.labels ?? {}, selector.matchLabels)).toBe(true);
  expect(service.spec.ports).toContainEqual(expect.objectContaining({ name: endpoints[0].port }));
  for (const deployment of kinds(manifests, 'Deployment')) {
    const ports = deployment.spec.template.spec.containers[0].ports.map((one: { name: string }) => one.name);
    expect(ports).toContain(service.spec.ports[0].targetPort);
  }
});

test('a budget only beside a standby, a claim only when asked for, CRDs that an uninstall keeps', async () => {
  const plain = await render();
  expect(kinds(plain, 'PodDisruptionBudget')).toEqual([]);
  expect(kinds(plain, 'PersistentVolumeClaim')).toEqual([]);
  for (const crd of kinds(plain, 'CustomResourceDefinition'))
    expect(crd.metadata).toMatchObject({ annotations: { 'helm.sh/resource-policy': 'keep' } });
  expect(kinds(plain, 'CustomResourceDefinition')).toHaveLength(2);
});

test('no router unless asked for; its table is one that it takes, and the api lets it in', async () => {
  const named = (manifests: Manifest[]) =>
    manifests.filter(({ metadata }) => metadata.name === 'harrier-router');
  expect(named(await render())).toEqual([]);
  const manifests = await render({ values: everything() });
  const kindsOf = named(manifests).map(({ kind }) => kind);
  expect(kindsOf.sort()).toEqual([
    'ConfigMap',
    'Deployment',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'Service',
  ]);
  const file = only(manifests, 'ConfigMap', 'harrier-router').data['cells.json'];
  expect(parseCellsFile(file)).toEqual({ cells: CELLS, default: '1' });
  const pod = only(manifests, 'Deployment', 'harrier-router').spec.template;
  expect(pod.spec.automountServiceAccountToken).toBe(false);
  const peers = only(manifests, 'NetworkPolicy', 'harrier-api').spec.ingress[0].from as Manifest[];
  const letIn = peers.filter((one) =>
    includes(pod.metadata.labels, one.podSelector?.matchLabels ?? { no: '' }),
  );
  expect(letIn).toHaveLength(1);
});

/** The Prometheus Operator's kinds are no part of Kubernetes. */
function servedByAnyCluster(manifest: Manifest): boolean {
  return manifest.kind !== 'ServiceMonitor';
}

function includes(labels: Record<string, string>, selector: Record<string, string>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

function everything(): Values {
  const pods = {
    podLabels: { team: 'ci', 'app.kubernetes.io/component': 'not-to-be-overridden' },
    podAnnotations: { 'example.com/a': 'b' },
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'a', operator: 'Exists' }],
    affinity: { nodeAffinity: {} },
    priorityClassName: 'system-cluster-critical',
    resources: { requests: { cpu: 1, memory: '64Mi' }, limits: { cpu: '2', memory: '1Gi' } },
  };
  return {
    runnerNamespaces: runners,
    image: { repository: 'registry.example.com/harrier', digest: `sha256:${'a'.repeat(64)}` },
    imagePullSecrets: [{ name: 'pull' }],
    issuer: 'https://harrier.example.com',
    cell: 'eu-1',
    controller: { replicas: 2, ...pods },
    api: { ...pods, data: { persistent: true } },
    router: {
      ...pods,
      enabled: true,
      replicas: 3,
      cells: CELLS,
      defaultCell: '1',
      trustedProxies: ['10.0.0.0/8', 'fd00::/8'],
    },
    cache: { freeDiskFloor: '20Gi', openUploadTimeout: '90m', allowedHosts: ['forge.internal:8443'] },
    webhooks: {
      enabled: true,
      from: [monitoring],
      service: { type: 'LoadBalancer', annotations: { a: 'b' } },
      ingress: { enabled: true, host: 'hooks.example.com', tlsSecret: 'tls', annotations: { a: 'b' } },
    },
    keda: { enabled: true, from: [monitoring], tls: { secret: 'tls', clientCertificates: true } },
    networkPolicy: {
      kubernetesApi: { cidrs: ['10.0.0.1/32', 'fd00::1/128'], ports: [6443] },
      apiFrom: [monitoring],
      metricsFrom: [monitoring],
      routerFrom: [monitoring],
      routerTo: { cidrs: ['10.0.0.0/8'], ports: [8080] },
      runners: { exceptCidrs: ['169.254.0.0/16', '10.0.0.1/32'] },
    },
    serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
  };
}
