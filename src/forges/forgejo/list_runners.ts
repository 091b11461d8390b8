import { z } from 'zod';
import { ForgeError } from '../forge_error.ts';
import type { GiteaApi } from '../gitea/api.ts';
import type { GiteaScope } from '../gitea/scope.ts';
import { type ForgejoRunner, forgejoRunner } from './answers.ts';

const MOST_PAGES = 200;
const READINGS = 3;

/**
 * All runners of the scope. They are sorted by when they were last heard of, so that one may move to a page that was
 * read before: read again until two readings have the same ones.
 */
export async function listRunners(api: GiteaApi, { path, words }: GiteaScope): Promise<ForgejoRunner[]> {
  const found = new Map<number, ForgejoRunner>();
  for (let reading = 0; reading < READINGS; reading += 1) {
    const before = found.size;
    const pages = await readPages(api, { path, words }, found);
    if (pages <= 2 || (reading > 0 && found.size === before)) return [...found.values()];
  }
  throw new ForgeError(
    'Unavailable',
    `the runners of ${words} changed while they were listed; it is asked again`,
  );
}

/** How many pages there were, the empty one at the end among them. */
async function readPages(
  api: GiteaApi,
  { path, words }: GiteaScope,
  found: Map<number, ForgejoRunner>,
): Promise<number> {
  let pages = 0;
  const list = {
    path: `${path}/runners`,
    page: z.array(forgejoRunner),
    doing: `list the runners of ${words}`,
  };
  for await (const runners of api.pages(list)) {
    for (const runner of runners) found.set(runner.id, runner);
    pages += 1;
    if (runners.length === 0 || pages >= MOST_PAGES) break;
  }
  return pages;
}
