import { expect, test } from 'vitest';
import { controllerConfig } from '../../src/modes/controller_config.ts';
import { render } from './chart.ts';

interface Rendered {
  kind?: string;
  metadata?: { name?: string };
  spec?: {
    egress?: { ports: { port: number }[]; to?: object[] }[];
    template?: { spec: { containers: { env: { name: string; value?: string }[] }[] } };
  };
}

const HOSTS = controllerConfig.shape.HARRIER_FORGE_HOSTS;

async function rendered(values: Record<string, unknown>) {
  const objects = (await render({ values })) as Rendered[];
  const spec = (kind: string) =>
    objects.find((one) => one.kind === kind && one.metadata?.name === 'harrier-controller')?.spec;
  const env = spec('Deployment')?.template?.spec.containers[0]?.env ?? [];
  return {
    value: (name: string) => env.find((one) => one.name === name)?.value,
    egress: spec('NetworkPolicy')?.egress ?? [],
  };
}

test('any public forge may be asked, over https', async () => {
  const { value, egress } = await rendered({});
  expect(HOSTS.parse(value('HARRIER_FORGE_HOSTS'))).toEqual(['*']);
  expect(value('HARRIER_FORGE_NAME_PREFIX')).toBe('harrier');
  expect(egress.at(-1)).toEqual({ ports: [{ port: 443, protocol: 'TCP' }] });
});

test('the ports of the hosts named are opened, on the addresses that the operator gives', async () => {
  const { value, egress } = await rendered({
    forges: { allowedHosts: ['*', 'gitea.ci:3000', '[fd00::1]:8443', 'ghes.internal'], namePrefix: 'east' },
    networkPolicy: { forgesTo: { cidrs: ['10.0.0.0/8'], ports: [443, 3000] } },
  });
  expect(HOSTS.parse(value('HARRIER_FORGE_HOSTS'))).toHaveLength(4);
  expect(value('HARRIER_FORGE_NAME_PREFIX')).toBe('east');
  expect(egress.at(-1)).toEqual({
    ports: [443, 3000, 8443].map((port) => ({ port, protocol: 'TCP' })),
    to: [{ ipBlock: { cidr: '10.0.0.0/8' } }],
  });
});

test('an empty list is empty for the controller too, and opens nothing', async () => {
  const [all, none] = [await rendered({}), await rendered({ forges: { allowedHosts: [] } })];
  expect(HOSTS.parse(none.value('HARRIER_FORGE_HOSTS'))).toEqual([]);
  expect(none.egress).toEqual(all.egress.slice(0, -1));
});

test.each(['*.example.com', 'https://github.com', 'github.com/acme', ''])('%j is no host', async (host) => {
  await expect(rendered({ forges: { allowedHosts: [host] } })).rejects.toThrow(
    /\/forges\/allowedHosts\/0.*pattern/,
  );
});
