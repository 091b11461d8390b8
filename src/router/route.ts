import { CELL_PARAMETER, ENTRY_PATH, PART_PATH } from '../cache/blobs/signed_url.ts';
import type { FoundProblem } from '../http/problem_body.ts';
import { bearerToken } from '../tokens/bearer.ts';
import { TokenRefused } from '../tokens/refusal.ts';
import { cellOfBearer } from '../tokens/routable/cell_of_bearer.ts';
import { MALFORMATIONS } from '../tokens/routable/malformed.ts';

/** What of a request decides where it goes. */
export interface Asked {
  /** The request target as it came, with its query. */
  url: string;
  authorization: string | undefined;
}

/** The cells there are. */
export interface CellNames {
  has(name: string): boolean;
  /** The cell of requests that name none. */
  readonly default: string | undefined;
}

export type Route =
  | { to: 'cell'; cell: string }
  /** The router answers by itself: it is asked how it is. */
  | { to: 'itself'; path: '/healthz' | '/readyz' }
  | { to: 'nobody'; problem: FoundProblem };

/** What people and services read without a bearer of ours, beside the signed URLs. */
const WITHOUT_BEARER = ['/.well-known/', '/openapi.json', '/v1/introspect'];

/** Where a request goes; pure. Nothing is verified here: the cell's api judges the token or the URL's signature. */
export function route({ url, authorization }: Asked, cells: CellNames, cellOf = cellOfBearer): Route {
  const [path = '', query = ''] = split(url);
  if (path[0] !== '/') return nobody('bad-request', 'The request target must be a path.');
  if (path === '/healthz' || path === '/readyz') return { to: 'itself', path };
  // Before the bearer: whoever sends one along has the URL from the cell that signed it.
  if (path.startsWith(`${PART_PATH}/`) || path.startsWith(`${ENTRY_PATH}/`))
    return byParameter(query, cells, 'bad-request', 'The URL names no cell, and there is no default one.');
  if (WITHOUT_BEARER.some((prefix) => path.startsWith(prefix)))
    return byParameter(
      query,
      cells,
      'not-found',
      `Name a cell by ?${CELL_PARAMETER}=…, or ask its api itself: there is no default one.`,
    );
  return byBearer(authorization, cells, cellOf);
}

function byBearer(authorization: string | undefined, cells: CellNames, cellOf: typeof cellOfBearer): Route {
  let bearer: string;
  try {
    bearer = bearerToken(authorization);
  } catch (error) {
    if (error instanceof TokenRefused)
      return nobody('unauthorized', 'Send the token as Authorization: Bearer …');
    throw error;
  }
  const named = cellOf(bearer);
  switch (named.kind) {
    case 'cell':
      return toCell(named.cell, cells);
    case 'none':
      if (cells.default !== undefined) return { to: 'cell', cell: cells.default };
      return nobody('bad-request', 'The token names no cell, and there is no default one.');
    case 'malformed':
      return nobody('bad-request', `The bearer is no token: ${MALFORMATIONS[named.code]}.`);
  }
}

function byParameter(
  query: string,
  cells: CellNames,
  otherwise: 'bad-request' | 'not-found',
  detail: string,
): Route {
  const named = new URLSearchParams(query).get(CELL_PARAMETER) ?? cells.default;
  return named === undefined ? nobody(otherwise, detail) : toCell(named, cells);
}

function toCell(cell: string, cells: CellNames): Route {
  if (cells.has(cell)) return { to: 'cell', cell };
  return nobody('cell-unknown', 'The router knows no cell of the name that the request bears.');
}

function nobody(code: FoundProblem['code'], detail: string): Route {
  return { to: 'nobody', problem: { code, detail } };
}

function split(url: string): [path: string, query: string] {
  const mark = url.indexOf('?');
  return mark === -1 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}
