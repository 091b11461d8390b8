/**
 * Local blob URLs look like an Azurite one, `/<account>/<container>/<blob>?<query>`: the JavaScript SDK wants three
 * segments from a host that is an address, OpenDAL at least two and a query, and the stock action masks a value
 * in its log only when it is called `sig`.
 */
export const BLOB_PREFIX = '/harrier/cache/';

export function blobUrl(origin: string, handle: string, signature: string): string {
  return `${origin}${BLOB_PREFIX}${handle}?sig=${signature}`;
}
