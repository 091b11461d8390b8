// save.mjs KEY [MIB]: makes a folder of random bytes and saves it by the unmodified @actions/cache.
// Prints one line of JSON last: {saved, key, bytes, sha256, seconds, mbPerSecond}
import { saveCache } from '@actions/cache';
import { fill, folder, measure } from './folder.mjs';

const [key, mebibytes = '64'] = process.argv.slice(2);
if (key === undefined) throw new Error('which key? save.mjs KEY [MIB]');

await fill(Number(mebibytes));
const { bytes, sha256 } = await measure();
const started = performance.now();
// The digest is in the key, so that whoever restores can tell that it got these very bytes.
const id = await saveCache([folder], `${key}-${sha256}`);
const seconds = (performance.now() - started) / 1000;
const saved = id !== -1;
console.log(
  JSON.stringify({
    saved,
    key: `${key}-${sha256}`,
    bytes,
    sha256,
    seconds: Number(seconds.toFixed(3)),
    mbPerSecond: Number((bytes / 1e6 / seconds).toFixed(1)),
  }),
);
process.exitCode = saved ? 0 : 1;
