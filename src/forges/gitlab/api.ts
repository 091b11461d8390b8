import { z } from 'zod';
import { ForgeError } from '../forge_error.ts';
import type { ForgeCall, ForgeHttp } from '../http/forge_http.ts';

/** The most that one answer has (https://docs.gitlab.com/api/rest/#pagination). */
const PER_PAGE = 100;

type Query = NonNullable<ForgeCall<unknown>['query']>;

/** GitLab's REST API with the pool's token. */
export interface GitlabApi {
  call<T>(call: ForgeCall<T>): Promise<T>;
  /** The elements of a list, page by page. */
  pages<T>(list: PagedList<T>): Promise<Elements<T>>;
}

export interface PagedList<T> {
  path: string;
  query?: Query;
  /** One element. */
  element: z.ZodType<T>;
  doing: string;
  /** What comes after so many pages is left. */
  mostPages: number;
}

export interface Elements<T> {
  found: T[];
  /** Whether there are more than these. */
  more: boolean;
}

export function gitlabApi(http: ForgeHttp, token: string | undefined): GitlabApi {
  if (token === undefined || token.trim() === '')
    throw new ForgeError(
      'CredentialsInvalid',
      'the Secret has no key "token": an access token with the scopes create_runner, manage_runner and read_api',
    );
  const headers = { 'private-token': token.trim() };

  const api: GitlabApi = {
    async call(call) {
      return (await http.call({ ...call, headers })).value;
    },

    async pages({ path, query = {}, element, doing, mostPages }) {
      const found = [];
      let next: Query | undefined = { ...query, per_page: PER_PAGE };
      for (let page = 0; page < mostPages; page += 1) {
        const { value, headers: answered } = await http.call({
          method: 'GET',
          path,
          query: next,
          headers,
          answer: z.array(element),
          doing,
          conditional: true,
        });
        found.push(...value);
        next = nextPage(answered.link);
        if (next === undefined) return { found, more: false };
      }
      return { found, more: true };
    },
  };
  return api;
}

/**
 * The query of the page that comes next. GitLab's own word is followed, which is page numbers for some lists and cursors
 * for others; of its URL the query alone is taken, as behind a proxy its host may be one that is not reached from here.
 */
function nextPage(link: string | undefined): Query | undefined {
  for (const one of (link ?? '').split(/,\s*(?=<)/)) {
    const [, url, parameters = ''] = /^\s*<([^>]*)>(.*)$/.exec(one) ?? [];
    if (url !== undefined && /;\s*rel="?next"?/.test(parameters))
      return Object.fromEntries(new URL(url, 'https://gitlab.invalid').searchParams);
  }
  return undefined;
}
