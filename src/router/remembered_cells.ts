import { type CellOfBearer, cellOfBearer } from '../tokens/routable/cell_of_bearer.ts';

/** A runner asks again and again with one bearer: so many are kept, and as many that were before them. */
const MOST = 1_000;

/**
 * cellOfBearer for a router: reading a JWT anew takes a tenth of a request's processor time. What isn't well formed is
 * read each time: it is no token that comes again.
 */
export function rememberCells(most = MOST): (bearer: string) => CellOfBearer {
  let recent = new Map<string, CellOfBearer>();
  let older = new Map<string, CellOfBearer>();
  return (bearer) => {
    const known = recent.get(bearer);
    if (known !== undefined) return known;
    const found = older.get(bearer) ?? cellOfBearer(bearer);
    if (found.kind === 'malformed') return found;
    if (recent.size >= most) {
      older = recent;
      recent = new Map();
    }
    recent.set(bearer, found);
    return found;
  };
}
