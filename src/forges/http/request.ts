import type { Dispatcher } from 'undici';
import { ForgeError } from '../forge_error.ts';
import type { ForgeCall } from './forge_http.ts';

/** The call's whole URL; throws where it is not of the forge's origin: its credentials go nowhere else. */
export function urlOf({ path, query = {}, doing }: ForgeCall<unknown>, base: URL): URL {
  const url = path.startsWith('/') ? new URL(base.href.replace(/\/+$/, '') + path) : new URL(path);
  if (url.origin !== base.origin)
    throw new ForgeError('Unreadable', `cannot ${doing}: ${base.origin} names a next page of another origin`);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

export function requestOf(
  given: ForgeCall<unknown>,
  url: URL,
  etag: string | undefined,
): Dispatcher.RequestOptions {
  const { method, headers, body } = given;
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers: {
      accept: 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'harrier',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(etag === undefined ? {} : { 'if-none-match': etag }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
  };
}
