/**
 * A stock client as a process of its own: `cache_client.ts save|restore KEY FOLDER`; prints seconds and whether it hit.
 * With a fourth argument it says READY first and waits for SIGUSR2, so that many begin at once.
 */
import { once } from 'node:events';
import { restoreCache, saveCache } from '@actions/cache';

const [, , verb = '', key = '', folder = '', together] = process.argv;
if (together !== undefined) {
  const begin = once(process, 'SIGUSR2');
  const held = setInterval(() => {}, 1000);
  console.log('READY');
  await begin;
  clearInterval(held);
}
const started = performance.now();
const hit =
  verb === 'save' ? (await saveCache([folder], key)) > 0 : (await restoreCache([folder], key)) === key;
console.log(`\nRESULT ${JSON.stringify({ verb, hit, seconds: (performance.now() - started) / 1000 })}`);
