// Bundled with the unmodified @actions/cache into index.js, beside action.yml, in a repository of the forge.
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { restoreCache, saveCache } from '@actions/cache';

const input = (name) => process.env[`INPUT_${name.toUpperCase()}`] ?? '';
const [path, key] = [input('path'), input('key')];

const hit = await restoreCache([path], key);
if (hit === undefined) {
  execFileSync('sh', ['-c', input('make')], { stdio: 'inherit' });
  const saved = await saveCache([path], key);
  if (saved === -1) throw new Error('nothing was saved');
}
console.log(
  `cached-folder: ${hit === undefined ? 'made and saved' : 'hit'} ${path} by ${process.env.ACTIONS_CACHE_URL}`,
);
appendFileSync(process.env.GITHUB_OUTPUT, `hit=${hit !== undefined}\n`);
