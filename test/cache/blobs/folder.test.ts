import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { FolderBlobs } from '../../../src/cache/blobs/folder.ts';
import { blobsConformance } from './conformance.ts';

blobsConformance('a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'harrier-blobs-'));
  const blobs = await FolderBlobs.open(folder);
  return {
    blobs,
    put: (blob, sizeBytes, bytes) => blobs.write(blob, sizeBytes, Readable.from([bytes])),
    async overwrite(blob, bytes) {
      // Later than a tick of the clock that files are dated by, as whoever comes behind the store's back is.
      await sleep(20);
      await writeFile(join(folder, blob.slice(0, 2), blob), bytes);
    },
    close: () => rm(folder, { recursive: true }),
  };
});
