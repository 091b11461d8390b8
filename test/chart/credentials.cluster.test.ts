import { expect, test } from 'vitest';
import { render } from './chart.ts';

interface Rendered {
  kind?: string;
  metadata?: { name?: string };
  spec?: {
    egress?: object[];
    template?: { spec: { containers: { env: { name: string; value?: string }[] }[] } };
  };
}

const controllerOf = (objects: Rendered[], kind: string) =>
  objects.find((one) => one.kind === kind && one.metadata?.name === 'harrier-controller');

function hostsOf(objects: Rendered[]): string | undefined {
  const env = controllerOf(objects, 'Deployment')?.spec?.template?.spec.containers[0]?.env ?? [];
  return env.find(({ name }) => name === 'HARRIER_CREDENTIAL_HOSTS')?.value;
}

test('no host inside is trusted with credentials until it is named', async () => {
  expect(hostsOf((await render({ values: {} })) as Rendered[])).toBe('');
  const allowedHosts = ['forge.internal:8443', '10.1.2.3', '[fd00::1]:80'];
  const objects = (await render({ values: { credentials: { allowedHosts } } })) as Rendered[];
  expect(hostsOf(objects)).toBe('forge.internal:8443,10.1.2.3,[fd00::1]:80');
});

test.each(['*', '*.internal', 'http://forge.internal', 'forge.internal/path', ''])(
  '%j is no host',
  async (host) => {
    await expect(render({ values: { credentials: { allowedHosts: [host] } } })).rejects.toThrow(
      /\/credentials\/allowedHosts\/0.*pattern/,
    );
  },
);

test('the controller is let out to where the operator says that credentials are validated', async () => {
  const rule = { to: [{ ipBlock: { cidr: '10.1.2.3/32' } }], ports: [{ port: 8443, protocol: 'TCP' }] };
  const without = controllerOf((await render({ values: {} })) as Rendered[], 'NetworkPolicy');
  const objects = (await render({ values: { networkPolicy: { controllerTo: [rule] } } })) as Rendered[];
  expect(controllerOf(objects, 'NetworkPolicy')?.spec?.egress).toEqual([
    ...(without?.spec?.egress ?? []),
    rule,
  ]);
});
