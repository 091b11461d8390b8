import type { Artifacts } from '../../artifacts/open.ts';
import type { Cache } from '../../cache/open.ts';
import type { JoinAnswer } from '../../protocol/join.ts';
import type { CredentialAnswer } from '../../protocol/runner.ts';
import type { AgentConnections } from '../agent/connections.ts';
import type { CallerAccess } from '../cache_access/caller_access.ts';
import type { HandOut } from '../hand_out/hand_out.ts';
import type { Managers } from '../management/managers.ts';
import type { OverviewSources } from '../management/overview.ts';
import type { PublicKeys } from '../public_keys.ts';
import type { ApiPlugin } from '../server.ts';
import type { StoreReport } from '../store_report.ts';
import type { ReceiveWebhooks } from '../webhooks/receive.ts';
import { agentRoutes } from './agent.ts';
import { artifactRoutes } from './artifacts.ts';
import { blobRoutes } from './blobs.ts';
import { cacheRoutes } from './cache.ts';
import { credentialRoutes, joinRoutes } from './hand_out.ts';
import { healthRoutes, type Readiness } from './health.ts';
import { type IntrospectionOptions, introspectRoutes } from './introspect.ts';
import { managedCacheRoutes } from './managed_caches.ts';
import { overviewRoutes } from './overview.ts';
import { type RegistrationTools, registrationRoutes } from './registrations.ts';
import { runnerRoutes } from './runner.ts';
import { uiRoutes } from './ui.ts';
import { webhookRoutes } from './webhooks.ts';
import { wellKnownRoutes } from './wellknown.ts';

/** What the routes are answered with. */
export interface RouteTools {
  checks: Readiness;
  told?: Readiness;
  publicKeys: PublicKeys;
  issuer: string;
  storeReport: StoreReport;
  handOutCredential: HandOut<CredentialAnswer>;
  handOutJoin: HandOut<JoinAnswer>;
  agents: AgentConnections;
  registration: RegistrationTools;
  cache: Cache;
  cacheAccess: CallerAccess;
  artifacts: Artifacts;
  introspection: IntrospectionOptions;
  /** Who may manage; undefined where the installation has no management. */
  managers: Managers | undefined;
  overview: OverviewSources;
  webhooks: ReceiveWebhooks;
}

/**
 * Every route of the runtime API, in one list: what is served, what the reference pages describe and what the test of
 * endpoints, states and tokens tries are the same.
 */
export function allRoutes(tools: RouteTools): ApiPlugin[] {
  return [
    healthRoutes(tools.checks, tools.told),
    wellKnownRoutes(tools.publicKeys, tools.issuer),
    runnerRoutes(tools.storeReport),
    credentialRoutes(tools.handOutCredential),
    joinRoutes(tools.handOutJoin),
    agentRoutes(tools.agents),
    registrationRoutes(tools.registration),
    introspectRoutes(tools.introspection),
    cacheRoutes(tools.cache, tools.cacheAccess),
    artifactRoutes(tools.artifacts, tools.cacheAccess),
    blobRoutes(tools.cache, tools.artifacts),
    managedCacheRoutes(tools.managers, tools.cache),
    overviewRoutes(tools.managers, tools.overview),
    uiRoutes(),
    webhookRoutes(tools.webhooks),
  ];
}
