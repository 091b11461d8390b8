import { HARRIER_CLAIM } from '../claims.ts';
import { MalformedToken } from './malformed.ts';
import { isObject } from './read_jwt.ts';
import { isRoutingValue, type RoutingKeys } from './routing_payload.ts';

/** Where a JWT says that it belongs; empty where it says nothing. Throws MalformedToken (`claims`). */
export function routingOfClaims(claims: Record<string, unknown>): RoutingKeys {
  const routing: RoutingKeys = {};
  const ours = claims[HARRIER_CLAIM];
  if (ours === undefined) return routing;
  if (!isObject(ours)) throw new MalformedToken('claims');
  for (const key of ['cell', 'organization'] as const) {
    const value = ours[key];
    if (value === undefined) continue;
    if (typeof value !== 'string' || !isRoutingValue(value)) throw new MalformedToken('claims');
    routing[key] = value;
  }
  return routing;
}
