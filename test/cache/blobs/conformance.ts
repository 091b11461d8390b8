import { randomBytes, randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Blobs, BytesCorrupt } from '../../../src/cache/blobs/blobs.ts';
import { CacheRefused } from '../../../src/cache/refused.ts';

/** Blobs, and what a test does to them behind their back. */
export interface BlobsStand {
  readonly blobs: Blobs;
  /** As whoever was given the blob's URL does it; throws when the store refuses. */
  put(blob: string, sizeBytes: number, bytes: Buffer): Promise<void>;
  /** Puts other bytes where the blob is. */
  overwrite(blob: string, bytes: Buffer): Promise<void>;
  close(): Promise<void>;
}

/** What every store of bytes must do. `open` may take minutes the first time: it builds the store's server. */
export function blobsConformance(name: string, open: () => Promise<BlobsStand>): void {
  describe(name, () => {
    let stand: BlobsStand;
    beforeAll(async () => {
      stand = await open();
    }, 900_000);
    afterAll(() => stand.close());

    async function stored(bytes: Buffer): Promise<string> {
      const blob = randomUUID();
      await stand.put(blob, bytes.length, bytes);
      return blob;
    }
    const read = async (
      parts: { blob: string; sizeBytes: number; crc32?: number }[],
      start: number,
      end: number,
    ) => buffer(await stand.blobs.read(parts, { start, end }));

    it('gives back what was stored, and says its size and checksum', async () => {
      const bytes = randomBytes(1_500_000);
      const blob = await stored(bytes);
      const [part] = [{ blob, sizeBytes: bytes.length, crc32: crc32(bytes) }];
      expect((await read([part], 0, bytes.length - 1)).equals(bytes)).toBe(true);
      expect((await stand.blobs.examine([blob])).get(blob)).toMatchObject({ sizeBytes: bytes.length });
      let seen = 0;
      const onBytes = (count: number) => {
        seen += count;
      };
      expect(await stand.blobs.checksum(blob, onBytes)).toEqual({
        crc32: crc32(bytes),
        sizeBytes: bytes.length,
      });
      expect(seen).toBe(bytes.length);
    });

    it('reads ranges of several blobs one after the other', async () => {
      const texts = ['first', 'second', 'x', 'last one'];
      const parts = await Promise.all(
        texts.map(async (text) => ({ blob: await stored(Buffer.from(text)), sizeBytes: text.length })),
      );
      const whole = texts.join('');
      for (let start = 0; start < whole.length; start += 3)
        for (let end = start; end < whole.length; end += 4)
          expect((await read(parts, start, end)).toString()).toBe(whole.slice(start, end + 1));
    });

    it('takes a blob once', async () => {
      const blob = await stored(Buffer.from('good'));
      await expect(stand.put(blob, 4, Buffer.from('evil'))).rejects.toThrow();
      expect((await read([{ blob, sizeBytes: 4 }], 0, 3)).toString()).toBe('good');
    });

    it('takes a blob once of two that come at the same time', async () => {
      const blob = randomUUID();
      const bodies = [Buffer.alloc(400_000, 'a'), Buffer.alloc(400_000, 'b')];
      const puts = await Promise.allSettled(bodies.map((body) => stand.put(blob, body.length, body)));
      const [winner, loser] = puts[0]?.status === 'fulfilled' ? [0, 1] : [1, 0];
      expect(puts[winner]?.status).toBe('fulfilled');
      const got = await read([{ blob, sizeBytes: 400_000 }], 0, 399_999);
      // A store may take both when neither was there first; never a mixture.
      if (puts[loser]?.status === 'rejected') expect(got.equals(bodies[winner] as Buffer)).toBe(true);
      else expect(bodies.some((body) => got.equals(body))).toBe(true);
    });

    it.each([
      ['shorter', 9],
      ['longer', 11],
    ])('keeps nothing of a body that is %s than was said', async (_what, length) => {
      const blob = randomUUID();
      await expect(stand.put(blob, 10, Buffer.alloc(length, 'x'))).rejects.toThrow();
      expect((await stand.blobs.examine([blob])).size).toBe(0);
      expect(await stand.blobs.checksum(blob)).toBeUndefined();
    });

    it('leaves out of an examination what is not there', async () => {
      const blob = await stored(Buffer.from('there'));
      const found = await stand.blobs.examine([blob, randomUUID()]);
      expect([...found.keys()]).toEqual([blob]);
    });

    it('marks a blob that was written to, and no other', async () => {
      const blob = await stored(Buffer.from('before'));
      const mark = async () => (await stand.blobs.examine([blob])).get(blob)?.mark;
      const first = await mark();
      await stored(Buffer.from('another'));
      expect(await mark()).toBe(first);
      await stand.overwrite(blob, Buffer.from('after!'));
      expect(await mark()).not.toBe(first);
    });

    it('breaks off before the end of a blob that has other bytes than were saved', async () => {
      const bytes = randomBytes(900_000);
      const good = { blob: await stored(bytes), sizeBytes: bytes.length, crc32: crc32(bytes) };
      const bad = { blob: await stored(bytes), sizeBytes: bytes.length, crc32: crc32(bytes) };
      const wrong = Buffer.from(bytes);
      wrong[450_000] = (wrong[450_000] ?? 0) ^ 1;
      await stand.overwrite(bad.blob, wrong);
      const stream = await stand.blobs.read([good, bad], { start: 0, end: 1_799_999 });
      let length = 0;
      stream.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      await expect(
        new Promise((resolve, reject) => stream.once('error', reject).once('end', resolve)),
      ).rejects.toThrow(BytesCorrupt);
      expect(length).toBeLessThan(1_800_000);
    });

    it('breaks off where a blob is shorter than it was', async () => {
      const blob = await stored(Buffer.from('whole'));
      await stand.overwrite(blob, Buffer.from('who'));
      await expect(read([{ blob, sizeBytes: 5 }], 0, 4)).rejects.toThrow();
    });

    it('refuses to read what is gone, before anything of it', async () => {
      const blob = await stored(Buffer.from('gone'));
      await stand.blobs.remove([blob]);
      const refused = stand.blobs.read([{ blob, sizeBytes: 4 }], { start: 0, end: 3 });
      await expect(refused).rejects.toMatchObject({ code: 'not-found' });
    });

    it('removes many at once, and passes over what is not there', async () => {
      const blobs = await Promise.all(['a', 'b', 'c'].map((text) => stored(Buffer.from(text))));
      await stand.blobs.remove([...blobs, randomUUID()]);
      expect((await stand.blobs.examine(blobs)).size).toBe(0);
    });

    it('lists by age', async () => {
      const blob = await stored(Buffer.from('old'));
      const listed = async (time: number) => {
        const names: string[] = [];
        for await (const batch of stand.blobs.olderThan(time)) names.push(...batch);
        return names;
      };
      expect(await listed(Date.now() - 60_000)).not.toContain(blob);
      expect(await listed(Date.now() + 60_000)).toContain(blob);
    });

    it.each(['../../etc/passwd', 'x', '', '.', `${randomUUID()}/..`])(
      'takes no name like %j',
      async (name) => {
        await expect(stand.blobs.checksum(name)).rejects.toThrow(CacheRefused);
        await expect(stand.blobs.remove([name])).rejects.toThrow(CacheRefused);
      },
    );
  });
}
