// restore.mjs KEY: restores what save.mjs saved under KEY, and compares its digest with the one that was saved.
// Prints one line of JSON last: {hit, key, bytes, sha256, intact, seconds, mbPerSecond}
import { rm } from 'node:fs/promises';
import { restoreCache } from '@actions/cache';
import { folder, measure } from './folder.mjs';

const [key] = process.argv.slice(2);
if (key === undefined) throw new Error('which key? restore.mjs KEY');

await rm(folder, { recursive: true, force: true });
const started = performance.now();
// No entry has this key alone: it is found as the beginning of the saved one, by the restore key.
const found = await restoreCache([folder], key, [`${key}-`]);
const seconds = (performance.now() - started) / 1000;

if (found === undefined) {
  console.log(JSON.stringify({ hit: false, key, seconds: Number(seconds.toFixed(3)) }));
  process.exitCode = 1;
} else {
  const { bytes, sha256 } = await measure();
  const intact = found.endsWith(sha256);
  console.log(
    JSON.stringify({
      hit: true,
      key: found,
      bytes,
      sha256,
      intact,
      seconds: Number(seconds.toFixed(3)),
      mbPerSecond: Number((bytes / 1e6 / seconds).toFixed(1)),
    }),
  );
  process.exitCode = intact ? 0 : 1;
}
