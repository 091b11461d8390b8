import { MAX_TOKEN_LENGTH } from '../header.ts';
import { decodeRoutable } from './decode_routable.ts';
import { type Malformation, MalformedToken } from './malformed.ts';
import { readJwt } from './read_jwt.ts';
import { routingOfClaims } from './routing_of_claims.ts';
import { tokenFormat } from './token_format.ts';

export type CellOfBearer =
  | { kind: 'cell'; cell: string }
  /** A plain token, or one that names no cell: whoever routes has a default for it, or none. */
  | { kind: 'none' }
  | { kind: 'malformed'; code: Malformation };

/**
 * The cell that a bearer names: in its payload where it is routable, in its claim `cell` where it is a JWT. Nothing is
 * verified, so this is good for choosing whom to ask and for nothing else: the cell's own api judges the token.
 */
export function cellOfBearer(bearer: string): CellOfBearer {
  try {
    if (bearer.length > MAX_TOKEN_LENGTH) throw new MalformedToken('form');
    const cell = readCell(bearer);
    return cell === undefined ? { kind: 'none' } : { kind: 'cell', cell };
  } catch (error) {
    if (error instanceof MalformedToken) return { kind: 'malformed', code: error.code };
    throw error;
  }
}

function readCell(bearer: string): string | undefined {
  switch (tokenFormat(bearer)) {
    case 'plain':
      return undefined;
    case 'routable':
      return decodeRoutable(bearer).routing.cell;
    case 'jwt':
      return routingOfClaims(readJwt(bearer).claims).cell;
    default:
      throw new MalformedToken('form');
  }
}
