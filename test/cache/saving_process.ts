/**
 * Saves entries without end, several at once, and prints the key of each one after its commit: the process that
 * crash.test.ts kills. `saving_process.ts <data dir> <prefix of the keys>`
 */
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import pino from 'pino';
import { openCache } from '../../src/cache/open.ts';
import type { CacheAccess } from '../../src/cache/scope.ts';
import { bytesOf, partSizes } from './saved_bytes.ts';

const access: CacheAccess = {
  enabled: true,
  tenant: 'acme/app',
  pool: 'runners/pool',
  scopes: [{ name: 'main', permission: 'ReadWrite' }],
};

async function main(dataDir: string, prefix: string): Promise<void> {
  const cache = await openCache({ dataDir, clock: Date.now, log: pino({ level: 'silent' }) });
  let next = 0;
  const saver = async (): Promise<never> => {
    for (;;) {
      const key = `${prefix}-${next++}`;
      const sizes = partSizes(key);
      const bytes = bytesOf(key);
      const { uploadId } = await cache.reserve(access, { key, version: 'a1' });
      const offered = await cache.offerParts(access, uploadId, {
        parts: sizes.map((sizeBytes, position) => ({ number: position + 1, sizeBytes })),
      });
      let offset = 0;
      await Promise.all(
        offered.parts.map(({ url }, position) => {
          const blob = new URL(url, 'http://api').pathname.split('/').at(-1) ?? '';
          const size = sizes[position] ?? 0;
          const part = bytes.subarray(offset, offset + size);
          offset += size;
          return cache.write(blob, size, Readable.from(slices(part), { objectMode: false }));
        }),
      );
      await cache.commit(access, uploadId, {
        sizeBytes: bytes.length,
        parts: sizes.map((_, position) => position + 1),
      });
      process.stdout.write(`${key}\n`);
    }
  };
  await Promise.all(Array.from({ length: 4 }, saver));
}

/** Several chunks a part, so that a kill also meets half-written files. */
function* slices(part: Buffer): Iterable<Buffer> {
  for (let offset = 0; offset < part.length; offset += 16_384) yield part.subarray(offset, offset + 16_384);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(process.argv[2] ?? '', process.argv[3] ?? '');
}
