import { describe, expect, it } from 'vitest';
import { RunnerPoolKind, RunnerTokenKind, SecretKind } from '../../../src/kube/kinds.ts';
import { API_VERSION } from '../../../src/resources/group.ts';
import { decodeRoutable } from '../../../src/tokens/routable/decode_routable.ts';
import { startController } from '../../controller/controller_process.ts';
import { eventually, poolManifest } from '../../controller/pool_in_cluster.ts';
import { ISSUER } from '../../tokens/builders.ts';
import { useRegistrations } from './stand.ts';

const stand = useRegistrations();
const { cluster, registered, registration } = stand;

describe('the values of registration tokens', () => {
  const scope = { type: 'organization', name: 'acme' };

  it('are routable where the token, its pool or its namespace says so, and never for the whole instance', async () => {
    const { kubeconfig } = cluster;
    // A controller for two other namespaces, of which one is routable.
    const [on, off] = [await cluster.newNamespace(), await cluster.newNamespace()];
    const second = startController({
      kubeconfig,
      namespace: on,
      watch: [on, off],
      env: { HARRIER_ISSUER: ISSUER, HARRIER_CELL: '7', HARRIER_ROUTABLE_NAMESPACES: on },
    });
    try {
      const make = async (namespace: string, name: string, spec: object, pool = 'plain') => {
        await stand.client.create(RunnerTokenKind, {
          apiVersion: API_VERSION,
          kind: 'RunnerToken',
          metadata: { namespace, name },
          spec: {
            type: 'Registration',
            usage: 'Reusable',
            supersedes: false,
            poolRef: { name: pool },
            ...spec,
          },
        });
        const secretRef = await eventually(`the value of ${name}`, async () => {
          const token = await stand.client.get(RunnerTokenKind, namespace, name);
          return token?.status?.phase === 'Active' && token.status.secretRef;
        });
        const secret = await stand.client.get(SecretKind, namespace, secretRef.name);
        return Buffer.from(secret?.data?.token ?? '', 'base64').toString();
      };
      for (const namespace of [on, off]) {
        await stand.client.create(RunnerPoolKind, poolManifest(namespace, 'plain', { replicas: 0 }));
        const routing = { enabled: true, group: 'builders' };
        await stand.client.create(
          RunnerPoolKind,
          poolManifest(namespace, 'switched', { replicas: 0, routing }),
        );
      }
      expect(decodeRoutable(await make(on, 'by-namespace', { scope })).routing).toEqual({
        cell: '7',
        organization: 'acme',
      });
      const unroutable = await make(off, 'by-nobody', { scope });
      expect(unroutable).toMatch(/^hrt_[\w-]+$/);
      expect(() => decodeRoutable(unroutable)).toThrow();
      const byPool = decodeRoutable(await make(off, 'by-pool', { scope }, 'switched'));
      expect(byPool.routing).toEqual({ cell: '7', organization: 'acme', group: 'builders' });
      const routing = { enabled: true, organization: '42', project: '9' };
      const byToken = decodeRoutable(await make(off, 'by-token', { scope, routing, prefix: 'glrt-t2_' }));
      expect(byToken).toMatchObject({
        prefix: 'glrt-t2_',
        routing: { cell: '7', organization: '42', project: '9' },
      });
      for (const [name, spec] of [
        ['instance', { scope: { type: 'instance' }, routing: { enabled: true } }],
        ['switched-off', { scope, routing: { enabled: false } }],
      ] as const) {
        const value = await make(on, name, spec);
        expect(() => decodeRoutable(value), name).toThrow();
      }
    } finally {
      await second.kill('SIGTERM');
    }
  });

  it('let in in both forms, and hand their routing on to who joins', async () => {
    const routable = await registration('routable', { scope, routing: { enabled: true, cell: '3' } });
    expect(decodeRoutable(routable).routing).toEqual({ cell: '3', organization: 'acme' });
    const { token } = await registered(routable, 'routed');
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(claims['harrier.dev']).toMatchObject({
      cell: '3',
      forge: { scope: 'organization', entity: 'acme' },
    });
    const made = (await stand.pool.tokens()).find((one) => one.spec.runner?.name === 'routed');
    expect(made?.spec).toMatchObject({ scope, routing: { cell: '3' } });
  });
});
