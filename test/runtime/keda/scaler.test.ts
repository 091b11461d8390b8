import { type ServiceError, status } from '@grpc/grpc-js';
import { beforeEach, expect, test } from 'vitest';
import type { GetMetricsResponse, IsActiveResponse } from '../../../src/runtime/keda/external_scaler.ts';
import { listenForKeda, type ScalerServer } from '../../../src/runtime/keda/listen.ts';
import type { ServedPool } from '../../../src/runtime/served_pools.ts';
import { type Watched, watched } from '../builders.ts';
import { setPool } from './pools.ts';
import { ref, scalerClient } from './question.ts';

/** What KEDA's own client sees of it is in test/clients/keda.test.ts. */
let pools: Watched<ServedPool>;
let scaler: ScalerServer;
let client: ReturnType<typeof scalerClient>;
beforeEach(async () => {
  pools = watched<ServedPool>();
  scaler = await listenForKeda({
    pools,
    host: '127.0.0.1',
    port: 0,
    tlsDir: undefined,
    clientCertificates: false,
  });
  client = scalerClient(scaler.address);
  return async () => {
    client.close();
    await scaler.stop();
  };
});

const ask = <A>(method: string, question: object) => client.ask<A>(method, question);
const codeOf = (asked: Promise<unknown>) =>
  asked.then(
    () => status.OK,
    (error: ServiceError) => error.code,
  );

test('what is asked of a pool follows its status', async () => {
  const metrics = () =>
    ask<GetMetricsResponse>('GetMetrics', {
      scaledObjectRef: ref({ pool: 'linux', minIdle: '2' }),
      metricName: 'harrier-runners',
    });
  for (const [queued, busyReplicas] of [
    [0, 0],
    [7, 0],
    [0, 3],
    [5, 4],
  ] as const) {
    setPool(pools, 'linux', { queued, busyReplicas });
    expect((await metrics()).metricValues).toMatchObject([{ metricValueFloat: queued + busyReplicas + 2 }]);
  }
});

test('a question that cannot be answered has a status, and nothing falls', async () => {
  setPool(pools, 'linux', { queued: 1, busyReplicas: 0 });
  expect(await codeOf(ask('GetMetrics', { metricName: '' }))).toBe(status.INVALID_ARGUMENT);
  const other = { scaledObjectRef: ref({ pool: 'linux' }), metricName: 'cpu' };
  expect(await codeOf(ask('GetMetrics', other))).toBe(status.INVALID_ARGUMENT);
  for (const minIdle of ['-1', '1.5', '', 'NaN', '1e9'])
    expect([minIdle, await codeOf(ask('IsActive', ref({ pool: 'linux', minIdle })))]).toEqual([
      minIdle,
      minIdle === '' ? status.OK : status.INVALID_ARGUMENT,
    ]);
  const large = ref({ pool: 'linux', padding: 'x'.repeat(100_000) });
  expect(await codeOf(ask('IsActive', large))).toBe(status.RESOURCE_EXHAUSTED);
  pools.synced = false;
  expect(await codeOf(ask('IsActive', ref({ pool: 'linux' })))).toBe(status.UNAVAILABLE);
  pools.synced = true;
  expect(await ask<IsActiveResponse>('IsActive', ref({ pool: 'linux' }))).toEqual({ result: true });
});
