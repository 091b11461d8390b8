import type { EntityScope, Routing } from '../../resources/entity.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { ownerOf } from './scope_within.ts';

/** What of the installation decides over the form of registration tokens. */
export interface ValueSettings {
  /** What values begin with whose token says nothing else. */
  prefix: string;
  /** The installation's own cell. */
  cell?: string | undefined;
  /** Namespaces whose tokens are routable where neither token nor pool says; `*` is all. */
  routableNamespaces: readonly string[];
}

/**
 * The routing that goes into the value of a registration token; undefined for a plain one; pure. A token for the whole
 * instance carries none: nothing of it belongs to one place.
 */
export function valueRouting(
  token: RunnerToken,
  pool: RunnerPool,
  settings: ValueSettings,
): Routing | undefined {
  const scope = token.spec.scope ?? pool.spec.forge.scope ?? { type: 'instance' as const };
  if (scope.type === 'instance' || !isRoutable(token, pool, settings.routableNamespaces)) return undefined;
  const { enabled: _enabled, ...routing } = routingOf(token, pool, scope, settings.cell);
  return Object.keys(routing).length === 0 ? undefined : routing;
}

function isRoutable(token: RunnerToken, pool: RunnerPool, namespaces: readonly string[]): boolean {
  return (
    token.spec.routing?.enabled ??
    pool.spec.routing.enabled ??
    (namespaces.includes('*') || namespaces.includes(token.metadata.namespace))
  );
}

function routingOf(
  token: RunnerToken,
  pool: RunnerPool,
  scope: EntityScope,
  cell: string | undefined,
): Routing {
  const organization = ownerOf(scope);
  return {
    ...(cell === undefined ? {} : { cell }),
    ...(organization === undefined ? {} : { organization }),
    ...pool.spec.routing,
    ...token.spec.routing,
  };
}
