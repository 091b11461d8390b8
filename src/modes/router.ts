import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { Cells } from '../router/cells.ts';
import { followCells } from '../router/follow_cells.ts';
import { createRouterMetrics } from '../router/metrics.ts';
import { buildRouter } from '../router/server.ts';
import { readEnvironment } from './environment.ts';
import { startOpsServer } from './ops_server.ts';
import { routerConfig } from './router_config.ts';
import { onTermination } from './termination.ts';

/** `harrier router`: sends each request to the api of the cell that its bearer names, until SIGTERM or SIGINT. */
export async function run(env: NodeJS.ProcessEnv): Promise<void> {
  const config = readEnvironment(routerConfig, env);
  const log = pino({ level: config.HARRIER_LOG_LEVEL, base: { mode: 'router' } });
  const metrics = createRouterMetrics();
  const cells = new Cells({
    log,
    now: () => performance.now(),
    random: Math.random,
    onFailure: metrics.failed,
  });
  // A first file that can't be used leaves the router unready, not dead: it is taken as soon as it is mended.
  const file = await followCells({
    path: config.HARRIER_CELLS_FILE,
    log,
    onCells(found) {
      cells.use(found);
      metrics.fileRead('used');
    },
    onRefused: () => metrics.fileRead('refused'),
  });
  let stopping = false;
  // A dead cell doesn't count: its router is as good as any other for the rest.
  const ready = () => cells.known && !stopping;
  const router = buildRouter({ cells, metrics, log, trusted: config.HARRIER_TRUSTED_PROXIES, ready });
  const host = config.HARRIER_HOST;
  const ops = await startOpsServer({
    port: config.HARRIER_OPS_PORT,
    host,
    registry: metrics.registry,
    ready,
  });
  router.server.listen(config.HARRIER_PORT, host);
  await once(router.server, 'listening');
  const { port } = router.server.address() as AddressInfo;
  const at = host ?? 'localhost';
  log.info({ url: `http://${at}:${port}`, opsUrl: `http://${at}:${ops.port}` }, 'listening');

  const signal = await onTermination();
  log.info({ signal }, 'stopping');
  stopping = true;
  await router.close(config.HARRIER_SHUTDOWN_SECONDS * 1000);
  file.stop();
  cells.close();
  await ops.close();
  log.info('stopped');
}
