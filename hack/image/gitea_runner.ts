import { join } from 'node:path';
import { ensureBinaries } from '../binaries/ensure.ts';
import { withLock } from '../processes/lock.ts';
import type { Note } from '../progress.ts';
import { baseEntries } from './base.ts';
import { type BuiltImage, common, toolEntries, withoutThoseOf, writeImage } from './images.ts';
import { type LayerEntry, writeLayer } from './layer.ts';
import { imageFolder } from './shelf.ts';

/** `harrier-gitea-runner:dev`: Gitea's own runner, and what jobs in it need: Node, a shell, tar, gzip and zstd. */
export async function buildGiteaRunnerImage(
  folder = imageFolder(),
  note: Note = () => {},
): Promise<BuiltImage> {
  if (process.platform !== 'linux') throw new Error("the image with Gitea's runner is made on Linux alone");
  const bin = await ensureBinaries(['gitea-runner'], note);
  const runner: LayerEntry[] = [
    { path: '/usr/local/bin/gitea-runner', type: 'file', from: join(bin, 'gitea-runner'), mode: 0o755 },
    { path: '/workspace', type: 'folder', mode: 0o1777 },
  ];
  return withLock(
    join(folder, '.lock'),
    async () => {
      note("the layers with Node and Gitea's runner");
      const entries = await baseEntries();
      const tools = withoutThoseOf(entries, await toolEntries());
      return await writeImage(folder, {
        ...common,
        reference: 'harrier-gitea-runner:dev',
        layers: [await writeLayer(entries, folder), await writeLayer([...tools, ...runner], folder)],
        entrypoint: ['/usr/local/bin/gitea-runner', 'daemon'],
        workingDir: '/workspace',
      });
    },
    note,
  );
}
