import { networkInterfaces } from 'node:os';
import { pino } from 'pino';
import { openArtifacts } from '../artifacts/open.ts';
import { createCheckJobToken } from '../credentials/check_job_token.ts';
import { createGuardedGet } from '../credentials/guarded_get.ts';
import { allowedHosts } from '../egress/allowed_hosts.ts';
import { followFile } from '../files/follow_file.ts';
import { createKubeClient } from '../kube/client.ts';
import { createInformer } from '../kube/informer.ts';
import { ConfigMapKind, RunnerTokenKind, SecretKind } from '../kube/kinds.ts';
import { HANDOVER_SECRET, Label } from '../resources/group.ts';
import { createAgentConnections } from '../runtime/agent/connections.ts';
import { createAskApiserver } from '../runtime/ask_apiserver.ts';
import { createCallerAccess } from '../runtime/cache_access/caller_access.ts';
import { createFallen } from '../runtime/fallen.ts';
import { suppliedCredential } from '../runtime/hand_out/credential.ts';
import { createHandOut } from '../runtime/hand_out/hand_out.ts';
import { joinMaterial } from '../runtime/hand_out/join.ts';
import { followHandover } from '../runtime/handover.ts';
import { parseClients } from '../runtime/introspection/clients.ts';
import { DEFAULT_LIMITS } from '../runtime/limits.ts';
import { createLiveTokens } from '../runtime/live_tokens.ts';
import { createHitHistory } from '../runtime/management/hit_history.ts';
import { createManagers } from '../runtime/management/managers.ts';
import { measuredCache } from '../runtime/measured_cache.ts';
import { createApiMetrics } from '../runtime/metrics.ts';
import { buildOpsServer } from '../runtime/ops_server.ts';
import { PodLifeKind } from '../runtime/pod_life.ts';
import { LookupCounts } from '../runtime/pool_cache/lookup_counts.ts';
import { poolGauges } from '../runtime/pool_cache/pool_gauges.ts';
import { startPoolCacheStatus } from '../runtime/pool_cache/write_status.ts';
import { createWritePoolStatus } from '../runtime/pool_status/write_pool_status.ts';
import { followPublicKeys, PUBLIC_KEYS_NAME } from '../runtime/public_keys.ts';
import { startPulse } from '../runtime/pulse.ts';
import { createDeliverToken } from '../runtime/registration/deliver_token.ts';
import { createRegister } from '../runtime/registration/register.ts';
import { createUses } from '../runtime/registration/uses.ts';
import { startRenewable } from '../runtime/renewable_informer.ts';
import { allRoutes } from '../runtime/routes/all.ts';
import type { Readiness } from '../runtime/routes/health.ts';
import { ServedPoolKind } from '../runtime/served_pools.ts';
import { buildServer } from '../runtime/server.ts';
import { createStoreReport } from '../runtime/store_report.ts';
import { TOKEN_INDEXES } from '../runtime/token_indexes.ts';
import { createTrustedIssuers } from '../runtime/trusted/check_visitor.ts';
import { parseTrustedIssuers } from '../runtime/trusted/issuers_file.ts';
import { createWriteApiStatus } from '../runtime/write_api_status.ts';
import { AGENT_AUDIENCE } from '../tokens/claims.ts';
import { createVerifier } from '../tokens/verify.ts';
import { apiConfig } from './api_config.ts';
import { openKedaScaler } from './api_keda.ts';
import { openApiStores } from './api_stores.ts';
import { openWebhooks } from './api_webhooks.ts';
import { readEnvironment } from './environment.ts';
import { onTermination } from './termination.ts';

/** `harrier api`: constructs the api, serves until SIGTERM or SIGINT, then answers what is under way and ends. */
export async function run(env: NodeJS.ProcessEnv): Promise<void> {
  const config = readEnvironment(apiConfig, env);
  const log = pino({ level: config.HARRIER_LOG_LEVEL, base: { mode: 'api' } });
  const metrics = createApiMetrics();
  const client = createKubeClient({ log });
  const namespaces = config.HARRIER_WATCH_NAMESPACES;
  const shared = { client, log, registry: metrics.registry };
  // Not awaited before listening: a replica that starts while the apiserver is away answers /healthz, isn't ready,
  // and refuses tokens, instead of being restarted again and again.
  const tokens = startRenewable(() =>
    createInformer({ ...shared, kind: RunnerTokenKind, namespaces, indexes: TOKEN_INDEXES }),
  );
  const fallen = createFallen();
  tokens.onChange((change) => fallen.seen(change, tokens.store));
  const pods = startRenewable(() =>
    createInformer({ ...shared, kind: PodLifeKind, namespaces, labelSelector: Label.pool }),
  );
  const pools = createInformer({ ...shared, kind: ServedPoolKind, namespaces });
  const configMaps = createInformer({
    ...shared,
    kind: ConfigMapKind,
    namespaces: [config.HARRIER_NAMESPACE],
    fieldSelector: `metadata.name=${PUBLIC_KEYS_NAME}`,
  });
  const handovers = createInformer({
    ...shared,
    kind: SecretKind,
    namespaces: [config.HARRIER_NAMESPACE],
    fieldSelector: `metadata.name=${HANDOVER_SECRET}`,
  });
  const handover = followHandover(handovers);

  const verifier = createVerifier({
    issuer: config.HARRIER_ISSUER,
    audience: config.HARRIER_AUDIENCE,
    now: Date.now,
  });
  const agentVerifier = createVerifier({
    issuer: config.HARRIER_ISSUER,
    audience: AGENT_AUDIENCE,
    agent: true,
    now: Date.now,
  });
  const pulse = startPulse({
    log,
    onGap() {
      tokens.renew();
      pods.renew();
    },
    // The question brings the keys along, so that they stay right even with their watch broken.
    async beat(signal) {
      const read = await client.get(ConfigMapKind, config.HARRIER_NAMESPACE, PUBLIC_KEYS_NAME, { signal });
      if (read !== undefined) configMaps.store.absorb(read);
    },
  });
  const live = createLiveTokens({
    tokens,
    pods,
    namespaces,
    heard: pulse.heard,
    fallen,
    now: Date.now,
    ask: createAskApiserver({ client, metrics }),
  });
  const write = createWriteApiStatus({ client, tokens });
  const storeReport = createStoreReport({ write, now: Date.now });
  const agents = createAgentConnections({
    verifier: agentVerifier,
    live,
    tokens,
    pods,
    storeReport,
    onRefusal: metrics.refused,
    log,
    now: Date.now,
  });
  metrics.watch('harrier_api_agent_connections', 'Open agent connections.', () => agents.count);
  // The connections last: they ask the verifier anew.
  const publicKeys = followPublicKeys(configMaps, [verifier, agentVerifier, agents], log);
  const history = createHitHistory(namespaces, Date.now);
  const { cache: stored, artifactIndex } = await openApiStores(config, pools, metrics, log);
  metrics.cache.show(stored.management);
  poolGauges(metrics.registry, pools, stored.management);
  const counts = new LookupCounts();
  const cache = measuredCache(stored, metrics.cache, history, counts);
  const writePoolStatus = createWritePoolStatus({ client, pools });
  const poolStatus = startPoolCacheStatus({
    write: writePoolStatus,
    pools,
    cache: stored.management,
    counts,
    now: Date.now,
    log,
  });
  const cacheAccess = createCallerAccess(
    createCheckJobToken(
      createGuardedGet({
        allowed: allowedHosts(config.HARRIER_CACHE_ALLOWED_HOSTS),
        allowedBy: 'cache.allowedHosts',
      }),
      Date.now,
    ),
  );
  const artifacts = openArtifacts({ index: artifactIndex, stores: cache.stores, clock: Date.now, log });

  const webhooks = openWebhooks({ config, client, pools, write: writePoolStatus, metrics, log });
  const keda = openKedaScaler({ config, pools });

  const clientsFile = config.HARRIER_INTROSPECTION_CLIENTS;
  const clients =
    clientsFile === undefined ? undefined : await followFile({ path: clientsFile, parse: parseClients, log });

  const trusted = createTrustedIssuers({ now: Date.now, log });
  const issuersFile = config.HARRIER_TRUSTED_ISSUERS;
  const issuers =
    issuersFile === undefined
      ? undefined
      : await followFile({
          path: issuersFile,
          parse: (text) => parseTrustedIssuers(text, config.HARRIER_ISSUER),
          log,
          onChange: (list = []) => trusted.use(list),
        });

  const checks: Readiness = {
    tokens: () => tokens.wasSynced,
    pods: () => pods.wasSynced,
    keys: () => verifier.ready,
  };
  const told: Readiness = {
    cache: () =>
      cache.ready().then(
        () => true,
        () => false,
      ),
  };
  metrics.watch('harrier_api_artifacts', 'Artifacts kept, of all tenants.', () => artifacts.held.artifacts);
  metrics.watch('harrier_api_artifact_bytes', 'Their bytes.', () => artifacts.held.sizeBytes);
  metrics.watch('harrier_api_watch_connected', '1 while tokens are checked by watch.', () =>
    Number(tokens.connected && pods.connected && pulse.heard()),
  );
  const uses = createUses({ client, tokens, now: Date.now });
  const deliver = createDeliverToken({ write, handover, now: Date.now });
  const handOutOptions = { write, handover, live, now: Date.now };
  const app = await buildServer({
    log,
    limits: { ...DEFAULT_LIMITS, requestsPerSecond: config.HARRIER_RATE_LIMIT },
    metrics,
    authentication: { verifier, agentVerifier, live, trusted },
    routes: allRoutes({
      checks,
      told,
      publicKeys,
      issuer: config.HARRIER_ISSUER,
      storeReport,
      handOutCredential: createHandOut(suppliedCredential, handOutOptions),
      handOutJoin: createHandOut(joinMaterial, handOutOptions),
      agents,
      registration: {
        tokens,
        register: createRegister({ client, write, tokens, uses, deliver }),
        deliver,
        write,
        onRefusal: metrics.refused,
      },
      cache,
      artifacts,
      introspection: {
        get clients() {
          return clients?.current;
        },
        verifier,
        live,
        perSecond: config.HARRIER_INTROSPECTION_RATE,
      },
      cacheAccess,
      managers: config.HARRIER_MANAGEMENT ? createManagers({ client, namespaces, now: Date.now }) : undefined,
      overview: {
        pools,
        tokens,
        cache: cache.management,
        history,
        cell: config.HARRIER_CELL,
        now: Date.now,
      },
      webhooks: webhooks.receive,
    }),
  });
  const ops = await buildOpsServer(log, metrics.registry, checks, told);

  void pools.start();
  void configMaps.start();
  void handovers.start();
  const host = config.HARRIER_HOST ?? anyAddress();
  const url = await app.listen({ host, port: config.HARRIER_PORT });
  const opsUrl = await ops.listen({ host, port: config.HARRIER_OPS_PORT });
  const webhooksUrl = await webhooks.start(host);
  const kedaAddress = await keda?.start(host);
  log.info({ url, opsUrl, webhooksUrl, kedaAddress }, 'listening');

  const signal = await onTermination();
  log.info({ signal }, 'stopping');
  // Else one client that never ends its request would keep the process until it is killed, in the middle of a write.
  const cut = setTimeout(() => app.server.closeAllConnections(), config.HARRIER_SHUTDOWN_SECONDS * 1000);
  // Node waits for upgraded sockets as for requests.
  agents.close();
  await app.close();
  clearTimeout(cut);
  pulse.stop();
  await keda?.stop();
  await webhooks.stop();
  await poolStatus.stop();
  clients?.stop();
  issuers?.stop();
  await Promise.all([tokens, pods, pools, configMaps, handovers].map((informer) => informer.stop()));
  await artifacts.close();
  await cache.close();
  await client.close();
  await ops.close();
  log.info('stopped');
}

/** `::` takes IPv4 as well, but fails where the kernel has no IPv6. */
function anyAddress(): string {
  const families = Object.values(networkInterfaces()).flatMap((one) => one?.map(({ family }) => family));
  return families.includes('IPv6') ? '::' : '0.0.0.0';
}
