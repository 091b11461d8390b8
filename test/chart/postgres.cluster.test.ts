import { expect, test } from 'vitest';
import { apiConfig } from '../../src/modes/api_config.ts';
import { type Manifest, render, type Values } from './chart.ts';

const postgres = {
  ...{ host: 'db.example.com', port: 6432, passwordSecret: { name: 'db' }, tls: { caConfigMap: 'db-ca' } },
};
const cidrs = ['10.1.0.0/16'];

async function rendered(values: Values) {
  const all = await render({ values });
  const of = (kind: string) =>
    all.find((one) => one.kind === kind && one.metadata.name === 'harrier-api') as Manifest;
  const pod = of('Deployment').spec.template.spec;
  return {
    all,
    deployment: of('Deployment'),
    policy: of('NetworkPolicy'),
    pod,
    container: pod.containers[0],
  };
}

test('the api is told of the server, and the password comes by a mounted file alone', async () => {
  const { pod, container, policy, deployment } = await rendered({
    cache: { postgres },
    networkPolicy: { postgresTo: { cidrs } },
  });
  const env = Object.fromEntries(
    container.env.flatMap((one: { name: string; value?: string }) =>
      one.name.startsWith('HARRIER_POSTGRES') ? [[one.name, one.value]] : [],
    ),
  );
  expect(env).toEqual({
    HARRIER_POSTGRES_HOST: 'db.example.com',
    HARRIER_POSTGRES_PORT: '6432',
    HARRIER_POSTGRES_DATABASE: 'harrier',
    HARRIER_POSTGRES_USER: 'harrier',
    HARRIER_POSTGRES_SCHEMA: 'harrier',
    HARRIER_POSTGRES_TLS: 'verify-full',
    HARRIER_POSTGRES_POOL_SIZE: '10',
    HARRIER_POSTGRES_PASSWORD_FILE: '/etc/harrier/postgres/password',
    HARRIER_POSTGRES_CA_FILE: '/etc/harrier/postgres-ca/ca.crt',
  });
  for (const name of Object.keys(env)) expect(apiConfig.shape).toHaveProperty(name);
  expect(pod.volumes).toContainEqual({
    name: 'postgres',
    secret: { secretName: 'db', items: [{ key: 'password', path: 'password' }] },
  });
  expect(container.volumeMounts).toContainEqual({
    ...{ name: 'postgres', mountPath: '/etc/harrier/postgres', readOnly: true },
  });
  expect(policy.spec.egress).toContainEqual({
    ports: [{ port: 6432, protocol: 'TCP' }],
    to: [{ ipBlock: { cidr: '10.1.0.0/16' } }],
  });
  // The bytes are in a folder still.
  expect(deployment.spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
});

test('without a server nothing of it is there', async () => {
  const { all } = await rendered({});
  expect(JSON.stringify(all.filter(({ kind }) => kind !== 'CustomResourceDefinition'))).not.toMatch(
    /postgres/i,
  );
});

test('replicas of the api that share index and bytes take over from each other, without a volume of one of them', async () => {
  const { all, deployment, pod } = await rendered({
    api: { replicas: 3, data: { persistent: true } },
    cache: { postgres, s3: { bucket: 'cache' } },
  });
  expect(deployment.spec).toMatchObject({ replicas: 3, strategy: { type: 'RollingUpdate' } });
  expect(pod.volumes.find(({ name }: { name: string }) => name === 'data')).toHaveProperty('emptyDir');
  expect(all.map(({ kind }) => kind)).not.toContain('PersistentVolumeClaim');
  const budget = all.find(
    ({ kind, metadata }) => kind === 'PodDisruptionBudget' && metadata.name === 'harrier-api',
  );
  expect(budget?.spec.maxUnavailable).toBe(1);
});
