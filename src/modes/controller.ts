import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { createController } from '../controller/controller.ts';
import { openForge } from '../forges/open_forge.ts';
import { createKubeClient } from '../kube/client.ts';
import { createEventRecorder } from '../kube/events.ts';
import { createLeaderLease } from '../kube/lease.ts';
import { durationSeconds } from '../resources/duration.ts';
import { FieldManager } from '../resources/group.ts';
import { quantityBytes } from '../resources/quantity.ts';
import { DEFAULT_ROTATION } from '../tokens/rotation.ts';
import { controllerConfig } from './controller_config.ts';
import { readEnvironment } from './environment.ts';
import { startOpsServer } from './ops_server.ts';

const LEASE = 'harrier-controller';
/** Reconciles under way are given this long at the end; each of their steps can be taken up again by the next leader. */
const STOP_MS = 5_000;

/** `harrier controller`: keeps pools and tokens right while it leads, stands by warm while it doesn't. */
export async function run(env: NodeJS.ProcessEnv): Promise<void> {
  const config = readEnvironment(controllerConfig, env);
  const log = pino({ level: config.HARRIER_LOG_LEVEL, base: { mode: 'controller' } });
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  const client = createKubeClient({ log });
  // A process that is started again must not take its forerunner's Lease for its own.
  const identity = `${config.HARRIER_IDENTITY}_${randomBytes(4).toString('hex')}`;
  const namespace = config.HARRIER_NAMESPACE;
  const lease = createLeaderLease({
    client,
    namespace,
    name: LEASE,
    identity,
    onLost: () => process.exit(1),
    log,
  });
  const events = createEventRecorder({ client, component: FieldManager.controller, instance: identity, log });
  const controller = createController({
    client,
    lease,
    events,
    namespace,
    watchNamespaces: config.HARRIER_WATCH_NAMESPACES,
    issuer: config.HARRIER_ISSUER,
    audience: config.HARRIER_AUDIENCE,
    cell: config.HARRIER_CELL,
    settings: {
      image: config.HARRIER_IMAGE,
      imagePullPolicy: config.HARRIER_IMAGE_PULL_POLICY,
      apiUrl: config.HARRIER_API_URL,
      nodeCache:
        config.HARRIER_NODE_CACHE_PATH === undefined
          ? undefined
          : {
              path: config.HARRIER_NODE_CACHE_PATH,
              maxBytes: quantityBytes(config.HARRIER_NODE_CACHE_MAX_SIZE),
            },
    },
    values: {
      prefix: config.HARRIER_TOKEN_PREFIX,
      cell: config.HARRIER_CELL,
      routableNamespaces: config.HARRIER_ROUTABLE_NAMESPACES,
    },
    rotation: { ...DEFAULT_ROTATION, rotateEveryMs: durationSeconds(config.HARRIER_KEY_ROTATION) * 1000 },
    credentialHosts: config.HARRIER_CREDENTIAL_HOSTS,
    forges: {
      open: (settings) => openForge(settings, { allowedHosts: config.HARRIER_FORGE_HOSTS, registry }),
      namePrefix: config.HARRIER_FORGE_NAME_PREFIX,
    },
    registry,
    log,
  });
  const ops = await startOpsServer({
    port: config.HARRIER_OPS_PORT,
    registry,
    ready: () => controller.synced,
  });

  async function stop(): Promise<void> {
    log.info('stopping');
    setTimeout(() => process.exit(0), STOP_MS).unref();
    await controller.stop();
    await events.flush();
    await lease.release();
    await ops.close();
    await client.close();
    // What is left are timers, such as of events gathered for later.
    process.exit(0);
  }
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());

  log.info({ namespaces: config.HARRIER_WATCH_NAMESPACES, opsPort: ops.port }, 'watching');
  await controller.watch();
  await lease.acquire();
  await controller.lead();
}
