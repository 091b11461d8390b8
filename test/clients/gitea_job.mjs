/** The step of a Gitea job: restores a folder, and where there is nothing makes and saves it. Unmodified @actions/cache. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { restoreCache, saveCache } from '@actions/cache';

const [, , key] = process.argv;
rmSync('deps', { recursive: true, force: true });
const hit = await restoreCache(['deps'], key);
if (hit === undefined) {
  mkdirSync('deps');
  writeFileSync('deps/file', `made by ${process.pid}`);
  await saveCache(['deps'], key);
}
const { ACTIONS_CACHE_URL, GITEA_ACTIONS, ACT_EXEC } = process.env;
console.log(
  `OUTCOME ${JSON.stringify({
    hit: hit ?? null,
    content: existsSync('deps/file') ? readFileSync('deps/file', 'utf8') : null,
    byRunner: GITEA_ACTIONS === 'true' || ACT_EXEC === 'true',
    cache: ACTIONS_CACHE_URL,
  })}`,
);
