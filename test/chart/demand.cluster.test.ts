import { describe, expect, test } from 'vitest';
import { useCluster } from '../support/cluster.ts';
import { apply, kinds, only, render, type Values } from './chart.ts';

const cluster = useCluster();
const from = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'edge' } } }];
const rendered = (values: Values) => render({ namespace: cluster.namespace, values });

const WEBHOOKS = {
  enabled: true,
  from,
  trustedProxies: ['10.0.0.0/8', 'fd00::/8'],
  ingress: { enabled: true, className: 'edge', host: 'hooks.example.com', tlsSecret: 'hooks-tls' },
};

test('who sets nothing lets no webhook in from outside, and answers no KEDA', async () => {
  const manifests = await rendered({});
  const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(names.filter((name) => /webhooks|keda|Ingress|HTTPRoute/.test(name))).toEqual([]);
  const policy = only(manifests, 'NetworkPolicy', 'harrier-api');
  const ports = policy.spec.ingress.flatMap((rule: { ports: { port: number }[] }) =>
    rule.ports.map(({ port }) => port),
  );
  expect(ports).toEqual([8080]);
});

test('webhooks have a port, a Service and an Ingress that lead to nothing else', async () => {
  const manifests = await rendered({ webhooks: WEBHOOKS });
  const [container] = only(manifests, 'Deployment', 'harrier-api').spec.template.spec.containers;
  expect(container.ports).toContainEqual({ name: 'webhooks', containerPort: 8082 });
  expect(container.env).toContainEqual({ name: 'HARRIER_WEBHOOK_PORT', value: '8082' });
  expect(container.env).toContainEqual({
    name: 'HARRIER_WEBHOOK_TRUSTED_PROXIES',
    value: '10.0.0.0/8,fd00::/8',
  });
  expect(only(manifests, 'Service', 'harrier-webhooks').spec.ports).toMatchObject([
    { port: 80, targetPort: 'webhooks' },
  ]);
  expect(only(manifests, 'Ingress', 'harrier-webhooks').spec).toMatchObject({
    ingressClassName: 'edge',
    tls: [{ hosts: ['hooks.example.com'], secretName: 'hooks-tls' }],
    rules: [{ host: 'hooks.example.com', http: { paths: [{ path: '/webhooks/', pathType: 'Prefix' }] } }],
  });
  const policy = only(manifests, 'NetworkPolicy', 'harrier-api');
  expect(policy.spec.ingress).toContainEqual({ ports: [{ port: 8082, protocol: 'TCP' }], from });

  const kept = ['Service', 'Ingress', 'NetworkPolicy', 'Deployment'];
  const taken = await apply(
    cluster,
    manifests.filter((one) => kept.includes(one.kind) && /api|webhooks/.test(one.metadata.name)),
    '--dry-run=server',
  );
  expect(taken.join('\n')).toMatch(/ingress.networking.k8s.io\/harrier-webhooks/);
});

test('an HTTPRoute passes POST to /webhooks/ alone', async () => {
  const httpRoute = { enabled: true, parentRefs: [{ name: 'edge' }], hostnames: ['hooks.example.com'] };
  const [route] = kinds(await rendered({ webhooks: { enabled: true, from, httpRoute } }), 'HTTPRoute');
  expect(route?.spec).toMatchObject({
    parentRefs: [{ name: 'edge' }],
    hostnames: ['hooks.example.com'],
    rules: [
      {
        matches: [{ method: 'POST', path: { type: 'PathPrefix', value: '/webhooks/' } }],
        backendRefs: [{ name: 'harrier-webhooks', port: 80 }],
      },
    ],
  });
});

test('KEDA has a port and a Service of its own, with TLS where a Secret is named', async () => {
  const tls = { secret: 'scaler-tls', clientCertificates: true };
  const manifests = await rendered({ keda: { enabled: true, from, tls } });
  const { containers, volumes } = only(manifests, 'Deployment', 'harrier-api').spec.template.spec;
  for (const [name, value] of [
    ['HARRIER_KEDA_PORT', '8083'],
    ['HARRIER_KEDA_TLS_DIR', '/etc/harrier/keda'],
    ['HARRIER_KEDA_CLIENT_CERTIFICATES', 'true'],
  ])
    expect(containers[0].env).toContainEqual({ name, value });
  expect(volumes).toContainEqual({ name: 'keda', secret: { secretName: 'scaler-tls' } });
  expect(only(manifests, 'Service', 'harrier-keda').spec.ports).toMatchObject([
    { port: 9090, targetPort: 'keda' },
  ]);
  const policy = only(manifests, 'NetworkPolicy', 'harrier-api');
  expect(policy.spec.ingress).toContainEqual({ ports: [{ port: 8083, protocol: 'TCP' }], from });
  const kept = manifests.filter((one) => /^harrier-(api|keda)$/.test(one.metadata.name));
  const workload = kept.filter(({ kind }) => ['Deployment', 'Service', 'NetworkPolicy'].includes(kind));
  expect(await apply(cluster, workload, '--dry-run=server')).not.toEqual([]);
});

describe('values that let nobody in, or lead nowhere, are refused by their name', () => {
  test.each<[what: string, values: Values, said: RegExp]>([
    ['webhooks from nobody', { webhooks: { enabled: true } }, /webhooks\.from/],
    ['an Ingress to no Service', { webhooks: { ingress: { enabled: true } } }, /webhooks\.enabled/],
    [
      'an Ingress without a host',
      { webhooks: { enabled: true, from, ingress: { enabled: true } } },
      /webhooks\.ingress\.host/,
    ],
    [
      'an HTTPRoute of no gateway',
      { webhooks: { enabled: true, from, httpRoute: { enabled: true } } },
      /webhooks\.httpRoute\.parentRefs/,
    ],
    ['a proxy that is no range', { webhooks: { trustedProxies: ['10.0.0.1'] } }, /trustedProxies\/0/],
    ['KEDA from nobody', { keda: { enabled: true } }, /keda\.from/],
    [
      'certificates of clients without TLS',
      { keda: { enabled: true, from, tls: { clientCertificates: true } } },
      /keda\.tls\.secret/,
    ],
  ])('%s', async (_, values, said) => {
    await expect(rendered(values)).rejects.toThrow(said);
  });
});
