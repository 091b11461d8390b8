/** A stock client as a process of its own: `cache_client.ts save|restore KEY FOLDER`; prints seconds and whether it hit. */
import { restoreCache, saveCache } from '@actions/cache';

const [, , verb = '', key = '', folder = ''] = process.argv;
const started = performance.now();
const hit =
  verb === 'save' ? (await saveCache([folder], key)) > 0 : (await restoreCache([folder], key)) === key;
console.log(`\nRESULT ${JSON.stringify({ verb, hit, seconds: (performance.now() - started) / 1000 })}`);
