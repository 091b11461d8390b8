import type { z } from 'zod';
import { ForgeError } from '../forge_error.ts';
import type { ForgeAnswer, ForgeCall, ForgeHttp } from '../http/forge_http.ts';
import type { Authorization } from './authorization.ts';
import { MEDIA } from './media.ts';
import { nextPage } from './next_page.ts';

/** GitHub's REST API, with the pool's credentials. */
export interface GithubApi {
  call<T>(call: ForgeCall<T>): Promise<T>;
  /** The pages of a list, in turn, as long as the reader wants another. */
  pages<P>(list: {
    path: string;
    query?: ForgeCall<P>['query'];
    page: z.ZodType<P>;
    doing: string;
  }): AsyncIterable<P>;
}

/** GitHub's most for a page. */
const PER_PAGE = 100;

export function githubApi(http: ForgeHttp, authorization: Authorization): GithubApi {
  async function send<T>(given: ForgeCall<T>): Promise<ForgeAnswer<T>> {
    const header = await authorization.header();
    const sendAs = (value: string) =>
      http.call({ ...given, headers: { ...MEDIA, authorization: value, ...given.headers } });
    try {
      return await sendAs(header);
    } catch (error) {
      // A token may end before its time: when the App's permissions change, or the clocks differ.
      if (!(error instanceof ForgeError) || error.reason !== 'Unauthorized') throw error;
      if (!authorization.refused(header)) throw error;
      return sendAs(await authorization.header());
    }
  }

  return {
    call: async (given) => (await send(given)).value,
    async *pages({ path, query, page: answer, doing }) {
      const first = { method: 'GET', conditional: true, answer, doing } as const;
      let { value, headers } = await send({ ...first, path, query: { per_page: PER_PAGE, ...query } });
      for (;;) {
        yield value;
        const next = nextPage(headers.link);
        if (next === undefined) return;
        ({ value, headers } = await send({ ...first, path: next }));
      }
    },
  };
}
