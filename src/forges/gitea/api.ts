import type { z } from 'zod';
import { ForgeError } from '../forge_error.ts';
import type { ForgeCall, ForgeHttp } from '../http/forge_http.ts';

/** The most that one answer has unless the instance's administrator changed it ([api] MAX_RESPONSE_ITEMS). */
const PER_PAGE = 50;

const TOKEN_SCOPES =
  'write:admin for the instance, write:organization for an organization, write:repository for a repository';

/** Gitea's REST API, and Forgejo's, with the pool's token. */
export interface GiteaApi {
  call<T>(call: ForgeCall<T>): Promise<T>;
  /** Each page of a list in turn, as long as the reader wants another. */
  pages<P>(list: PagedList<P>): AsyncIterable<P>;
}

export interface PagedList<P> {
  path: string;
  query?: NonNullable<ForgeCall<unknown>['query']>;
  page: z.ZodType<P>;
  doing: string;
}

export function giteaApi(http: ForgeHttp, token: string | undefined): GiteaApi {
  if (token === undefined || token.trim() === '')
    throw new ForgeError(
      'CredentialsInvalid',
      `the Secret has no key "token": an access token with ${TOKEN_SCOPES}`,
    );
  const headers = { authorization: `token ${token.trim()}` };
  const call: GiteaApi['call'] = async (given) => (await http.call({ ...given, headers })).value;

  return {
    call,
    async *pages({ path, query, page: answer, doing }) {
      for (let page = 1; ; page += 1)
        yield await call({ method: 'GET', path, query: { ...query, limit: PER_PAGE, page }, answer, doing });
    },
  };
}
