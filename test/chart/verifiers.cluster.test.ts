import { expect, test } from 'vitest';
import { parseTrustedIssuers } from '../../src/runtime/trusted/issuers_file.ts';
import { useCluster } from '../support/cluster.ts';
import { apply, kinds, only, render } from './chart.ts';

const cluster = useCluster();
const issuer = (cell: string) => ({
  issuer: `https://${cell}.example.com`,
  jwksUri: `https://${cell}.example.com/.well-known/jwks.json`,
  introspection: {
    url: `https://${cell}.example.com/v1/introspect`,
    clientId: 'cell-1',
    secret: { name: `${cell}-introspection`, key: 'secret' },
  },
});

test('the api is given its clients of introspection and its trusted issuers, and finds what they name', async () => {
  const values = {
    api: { introspection: { clientsSecret: 'introspection-clients', requestsPerSecond: 7 } },
    trustedIssuers: [issuer('cell-2'), { ...issuer('cell-3'), allowHttp: true }],
  };
  const manifests = await render({ namespace: cluster.namespace, values });
  expect(await apply(cluster, manifests, '--dry-run=server')).not.toEqual([]);
  const { spec } = only(manifests, 'Deployment', 'harrier-api').spec.template;
  const [container] = spec.containers;
  const env = Object.fromEntries(
    container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
  );
  expect(env).toMatchObject({
    HARRIER_INTROSPECTION_CLIENTS: '/etc/harrier/introspection/clients.json',
    HARRIER_INTROSPECTION_RATE: '7',
    HARRIER_TRUSTED_ISSUERS: '/etc/harrier/trusted/issuers.json',
  });

  const { data } = only(manifests, 'ConfigMap', 'harrier-trusted-issuers');
  const trusted = parseTrustedIssuers(data['issuers.json'], 'https://cell-1.example.com');
  expect(trusted.map((one) => [one.issuer, one.allowHttp])).toEqual([
    ['https://cell-2.example.com', false],
    ['https://cell-3.example.com', true],
  ]);
  const mounted = spec.volumes.find(({ name }: { name: string }) => name === 'trusted').projected.sources;
  const files = mounted.flatMap(({ secret }: { secret?: { name: string; items: { path: string }[] } }) =>
    secret === undefined ? [] : secret.items.map(({ path }) => `/etc/harrier/trusted/${path} ${secret.name}`),
  );
  expect(files).toEqual(
    trusted.map(({ introspection }, i) => `${introspection.secretFile} cell-${i + 2}-introspection`),
  );

  const { egress } = only(manifests, 'NetworkPolicy', 'harrier-api').spec;
  expect(egress.at(-1).ports.map(({ port }: { port: number }) => port)).toEqual([443, 8443]);
});

test('without them there is neither a file nor a way out', async () => {
  const manifests = await render({ namespace: cluster.namespace });
  const text = JSON.stringify(only(manifests, 'Deployment', 'harrier-api'));
  expect(text).not.toMatch(/INTROSPECTION|TRUSTED|etc\/harrier/);
  expect(kinds(manifests, 'ConfigMap').map(({ metadata }) => metadata.name)).not.toContain(
    'harrier-trusted-issuers',
  );
  expect(JSON.stringify(only(manifests, 'NetworkPolicy', 'harrier-api').spec.egress)).not.toContain('8443');
});
