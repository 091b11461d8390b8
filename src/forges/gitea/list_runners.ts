import { ForgeError } from '../forge_error.ts';
import { type GiteaRunner, giteaRunners } from './answers.ts';
import type { GiteaApi } from './api.ts';
import type { GiteaScope } from './scope.ts';

const MOST_PAGES = 200;
const READINGS = 3;

/**
 * All runners of the scope. Gitea sorts them by when they were last heard of, so that while pages are read one may move
 * from a later page to one that was read before: read again until there are as many as Gitea says there are.
 */
export async function listRunners(api: GiteaApi, { path, words }: GiteaScope): Promise<GiteaRunner[]> {
  const found = new Map<number, GiteaRunner>();
  for (let reading = 0; reading < READINGS; reading += 1) {
    let total = 0;
    let seen = 0;
    let pages = 0;
    const list = { path: `${path}/runners`, page: giteaRunners, doing: `list the runners of ${words}` };
    for await (const { runners, total_count } of api.pages(list)) {
      for (const runner of runners ?? []) found.set(runner.id, runner);
      total = total_count;
      seen += runners?.length ?? 0;
      pages += 1;
      if (seen >= total || runners === null || runners.length === 0 || pages >= MOST_PAGES) break;
    }
    if (found.size >= total) return [...found.values()];
  }
  throw new ForgeError(
    'Unavailable',
    `the runners of ${words} changed while they were listed; it is asked again`,
  );
}
