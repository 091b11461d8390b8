import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PodPart } from '../../src/resources/group.ts';
import { type JobFolder, makeJobFolder } from '../sidecar/run_job.ts';
import { type Stand, save, startStand } from '../sidecar/stand.ts';

const IN_POD = {
  NODE_OPTIONS: `--import=${fileURLToPath(new URL('../sidecar/dns_of_pod.mjs', import.meta.url))}`,
  POD_HOST_ALIAS: PodPart.blobHost,
};
const CLIENTS: [string, number, Record<string, string>][] = [
  // Over 128 MiB, the length of the outer segments that the SDK is asked for one after the other.
  ['@actions/cache by v2, through the Azure SDK', 132, {}],
  ['@actions/cache by v1', 20, { ACTIONS_CACHE_SERVICE_V2: '' }],
  ['@actions/cache 3.3.0', 20, { CACHE_CLIENT: 'actions-cache-v3' }],
];

let stand: Stand;
let job: JobFolder;
beforeAll(async () => {
  stand = await startStand({ blobHost: PodPart.blobHost });
  job = await makeJobFolder(() => stand.url);
});
afterAll(async () => {
  await stand.close();
  await job.remove();
});

describe('where the pod has an alias of Azure’s', () => {
  it.each(CLIENTS)(
    '%s restores %d MiB in parallel segments',
    { timeout: 120_000 },
    async (name, mebibytes, env) => {
      const before = stand.seen.length;
      await job.saveAndRestore(name.replaceAll(/[ ,]/g, '-'), mebibytes, { ...IN_POD, ...env });
      const reads = stand.seen
        .slice(before)
        .filter(({ method, path }) => method === 'GET' && path.startsWith('/v1/blobs/'));
      // 4 MiB each; the archive is a little longer than its file.
      expect(reads.length).toBe(mebibytes / 4 + 1);
    },
  );

  it('tells it to no other client', async () => {
    await save(stand, 'plain', 'abc', Buffer.from('12345'));
    const { body } = await stand.twirp('GetCacheEntryDownloadURL', { key: 'plain', version: 'abc' });
    expect(String(body.signed_download_url).startsWith(`${stand.url}/`)).toBe(true);
  });
});
