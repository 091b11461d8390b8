import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openAuthority } from '../../hack/cluster/pki.ts';
import { listenForKeda, type ScalerServer } from '../../src/runtime/keda/listen.ts';
import type { ServedPool } from '../../src/runtime/served_pools.ts';
import { type Watched, watched } from '../runtime/builders.ts';
import { setPool } from '../runtime/keda/pools.ts';
import { BUILD_TIMEOUT, clientProgram, whyNot } from './build_client.ts';

const reason = whyNot('keda');

interface Said {
  result?: boolean;
  metricSpecs?: { metricName: string; targetSizeFloat: number }[];
  metricValues?: { metricName: string; metricValueFloat: number }[];
  code?: string;
  message?: string;
}

describe.skipIf(reason !== undefined)(
  `KEDA's client of an external scaler${reason ? ` (${reason})` : ''}`,
  () => {
    let program: string;
    let folder: string;
    let pools: Watched<ServedPool>;
    let scaler: ScalerServer;
    beforeAll(async () => {
      program = await clientProgram('keda');
      folder = await mkdtemp(join(tmpdir(), 'harrier-keda-'));
      const authority = await openAuthority(folder, 'ca');
      const hosts = ['localhost', '127.0.0.1'];
      await authority.issue({ file: 'tls', commonName: 'harrier-keda', hosts });
      await authority.issue({ file: 'client', commonName: 'keda-operator' });
    }, BUILD_TIMEOUT);
    afterAll(() => rm(folder, { recursive: true, force: true }));
    beforeEach(() => {
      pools = watched<ServedPool>();
      return async () => scaler.stop();
    });

    async function serve(tls?: { clientCertificates: boolean }): Promise<void> {
      scaler = await listenForKeda({
        pools,
        host: '127.0.0.1',
        port: 0,
        tlsDir: tls && folder,
        clientCertificates: tls?.clientCertificates ?? false,
      });
    }

    function start(method: string, metadata: object, env: Record<string, string> = {}, namespace = 'ci') {
      const ref = JSON.stringify({ name: 'linux', namespace, scalerMetadata: metadata });
      const child = spawn(program, [method, scaler.address, ref], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, ...env },
      });
      const said: Said[] = [];
      createInterface({ input: child.stdout }).on('line', (line) => said.push(JSON.parse(line)));
      return { said, ended: once(child, 'close') };
    }
    async function ask(...question: Parameters<typeof start>): Promise<Said[]> {
      const { said, ended } = start(...question);
      await ended;
      return said;
    }
    const OK = { code: 'OK', message: '' };

    test('is told how many runners the queue asks for', async () => {
      await serve();
      setPool(pools, 'linux', { queued: 3, busyReplicas: 2 });
      const metadata = { scalerAddress: scaler.address, pool: 'linux', minIdle: '1' };
      expect(await ask('GetMetricSpec', metadata)).toMatchObject([
        { metricSpecs: [{ metricName: 'harrier-runners', targetSizeFloat: 1 }] },
        OK,
      ]);
      expect(await ask('GetMetrics', metadata)).toMatchObject([
        { metricValues: [{ metricName: 'harrier-runners', metricValueFloat: 6 }] },
        OK,
      ]);
      expect(await ask('IsActive', metadata)).toMatchObject([{ result: true }, OK]);
    });

    test('is told of a pool with nothing to do that it is not active', async () => {
      await serve();
      setPool(pools, 'linux', { queued: 0, busyReplicas: 0 });
      // false is left out in JSON, as in the protocol.
      expect(await ask('IsActive', { pool: 'linux' })).toEqual([{}, OK]);
      expect(await ask('IsActive', { pool: 'linux', minIdle: '1' })).toMatchObject([{ result: true }, OK]);
    });

    test.each<[what: string, metadata: object, namespace: string, code: string, message: RegExp]>([
      ['a pool that is not there', { pool: 'nobody' }, 'ci', 'NotFound', /RunnerPool nobody in namespace ci/],
      [
        'a pool of another namespace',
        { pool: 'linux', namespace: 'ci' },
        'other',
        'PermissionDenied',
        /other/,
      ],
      ['no pool', {}, 'ci', 'InvalidArgument', /pool/],
      ['no number', { pool: 'linux', minIdle: 'some' }, 'ci', 'InvalidArgument', /minIdle/],
      ['a queue that nobody knows', { pool: 'new' }, 'ci', 'FailedPrecondition', /not known/],
    ])('is told why there is no figure: %s', async (_, metadata, namespace, code, message) => {
      await serve();
      setPool(pools, 'linux', { queued: 0, busyReplicas: 0 });
      setPool(pools, 'new', { busyReplicas: 1 });
      const [said] = await ask('GetMetrics', metadata, {}, namespace);
      expect(said).toEqual({ code, message: expect.stringMatching(message) });
    });

    test('hears of a queue as it comes and goes, and of the pool’s end', { timeout: 60_000 }, async () => {
      await serve();
      setPool(pools, 'linux', { queued: 0, busyReplicas: 0 });
      const stream = start('StreamIsActive', { pool: 'linux' });
      await expect.poll(() => stream.said).toEqual([{}]);
      setPool(pools, 'linux', { queued: 1, busyReplicas: 0 });
      await expect.poll(() => stream.said).toEqual([{}, { result: true }]);
      // Of what changes nothing for KEDA it hears nothing.
      setPool(pools, 'linux', { queued: 0, busyReplicas: 1 });
      setPool(pools, 'windows', { queued: 0, busyReplicas: 0 });
      setPool(pools, 'linux', { queued: 0, busyReplicas: 0 });
      await expect.poll(() => stream.said).toEqual([{}, { result: true }, {}]);
      const pool = pools.store.get('ci', 'linux');
      if (pool !== undefined) pools.store.delete(pool);
      await stream.ended;
      expect(stream.said.at(-1)).toMatchObject({ code: 'NotFound' });
    });

    test('is served by TLS, and turned away without the certificate that is asked for', async () => {
      await serve({ clientCertificates: true });
      setPool(pools, 'linux', { queued: 1, busyReplicas: 0 });
      const asked = { pool: 'linux' };
      // The certificate is read while the port is open already; until then KEDA has to come again.
      await expect
        .poll(() => ask('IsActive', asked, { SCALER_TLS: folder }))
        .toMatchObject([{ result: true }, OK]);
      const anonymous = await mkdtemp(join(tmpdir(), 'harrier-keda-anonymous-'));
      await copyFile(join(folder, 'ca.crt'), join(anonymous, 'ca.crt'));
      expect(await ask('IsActive', asked, { SCALER_TLS: anonymous })).toMatchObject([
        { code: 'Unavailable' },
      ]);
      expect(await ask('IsActive', asked)).toMatchObject([{ code: 'Unavailable' }]);
      await rm(anonymous, { recursive: true });
    });
  },
);
