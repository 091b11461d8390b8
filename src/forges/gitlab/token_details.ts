import { decodeRoutable } from '../../tokens/routable/decode_routable.ts';
import { MalformedToken } from '../../tokens/routable/malformed.ts';
import type { RoutingKeys } from '../../tokens/routable/routing_payload.ts';
import { decodeVersioned } from './decode_versioned.ts';

/** Runner authentication tokens begin so (https://docs.gitlab.com/security/tokens/#token-prefixes). */
const PREFIX = 'glrt-';

/** Where a runner's token says that it belongs (cell, organization, …); empty for a token that says nothing. */
export function tokenDetails(token: string): Readonly<Record<string, string>> {
  if (!token.startsWith(PREFIX)) return {};
  try {
    return Object.fromEntries(
      Object.entries(routingOf(token)).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
    );
  } catch (error) {
    if (error instanceof MalformedToken) return {};
    throw error;
  }
}

/** The dots tell the forms apart: none in a token of the old form, one or two in a routable one. */
function routingOf(token: string): RoutingKeys {
  const dots = token.split('.').length - 1;
  if (dots === 0) return {};
  return dots === 1 ? decodeRoutable(token).routing : decodeVersioned(token);
}
