import type { Artifacts } from '../../artifacts/open.ts';
import type { Cache } from '../../cache/open.ts';
import type { AgentConnections } from '../agent/connections.ts';
import type { HandOutCredential } from '../hand_out_credential.ts';
import type { PublicKeys } from '../public_keys.ts';
import type { ApiPlugin } from '../server.ts';
import type { StoreReport } from '../store_report.ts';
import { agentRoutes } from './agent.ts';
import { artifactRoutes } from './artifacts.ts';
import { blobRoutes } from './blobs.ts';
import { cacheRoutes } from './cache.ts';
import { credentialRoutes } from './credential.ts';
import { healthRoutes, type Readiness } from './health.ts';
import { type IntrospectionOptions, introspectRoutes } from './introspect.ts';
import { type RegistrationTools, registrationRoutes } from './registrations.ts';
import { runnerRoutes } from './runner.ts';
import { wellKnownRoutes } from './wellknown.ts';

/** What the routes are answered with. */
export interface RouteTools {
  checks: Readiness;
  publicKeys: PublicKeys;
  issuer: string;
  storeReport: StoreReport;
  handOutCredential: HandOutCredential;
  agents: AgentConnections;
  registration: RegistrationTools;
  cache: Cache;
  artifacts: Artifacts;
  introspection: IntrospectionOptions;
}

/**
 * Every route of the runtime API, in one list: what is served, what the reference pages describe and what the test of
 * endpoints, states and tokens tries are the same.
 */
export function allRoutes(tools: RouteTools): ApiPlugin[] {
  return [
    healthRoutes(tools.checks),
    wellKnownRoutes(tools.publicKeys, tools.issuer),
    runnerRoutes(tools.storeReport),
    credentialRoutes(tools.handOutCredential),
    agentRoutes(tools.agents),
    registrationRoutes(tools.registration),
    introspectRoutes(tools.introspection),
    cacheRoutes(tools.cache),
    artifactRoutes(tools.artifacts),
    blobRoutes(tools.cache, tools.artifacts),
  ];
}
