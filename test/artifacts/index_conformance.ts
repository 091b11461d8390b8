import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ArtifactIndex, ArtifactReservation } from '../../src/artifacts/index/index.ts';
import type { Part } from '../../src/cache/index/index.ts';

const NOW = 1_700_000_000_000;
const DAY = 24 * 3600_000;

/** What every index of artifacts does, whatever database is behind it. `open` gives an empty one. */
export function describeArtifactIndex(what: string, open: () => Promise<ArtifactIndex>): void {
  describe(`index of artifacts: ${what}`, () => {
    let index: ArtifactIndex;
    beforeEach(async () => {
      index = await open();
    });
    afterEach(() => index.close());

    const reservation = (changes: Partial<ArtifactReservation> = {}): ArtifactReservation => ({
      uploadId: randomUUID(),
      run: 'run-1',
      job: 'job-1',
      name: 'dist',
      mimeType: 'application/zip',
      expiresAt: NOW + DAY,
      now: NOW,
      ...changes,
    });
    const part = (number: number, sizeBytes = 10): Part => ({ number, blob: randomUUID(), sizeBytes });

    async function upload(tenant: string, changes: Partial<ArtifactReservation> = {}, parts = [part(1)]) {
      const wanted = reservation(changes);
      expect(await index.reserve(tenant, wanted)).toMatchObject({ outcome: 'reserved' });
      expect(await index.addParts(tenant, wanted.uploadId, parts, NOW)).toBe(true);
      const done = await index.commit(tenant, wanted.uploadId, { parts, now: NOW });
      if (done === undefined) throw new Error('not committed');
      return { ...done.artifact, uploadId: wanted.uploadId, parts };
    }

    it('makes an upload an artifact of the listed parts in the order of the list', async () => {
      const wanted = reservation();
      const [first, second, left] = [part(1, 5), part(2, 7), part(3, 9)];
      await index.reserve('a', wanted);
      await index.addParts('a', wanted.uploadId, [first, second, left], NOW);
      const chosen = [
        { ...second, crc32: 4_294_967_295, mark: 'm' },
        { ...first, mark: 'n' },
      ];
      const digest = `sha256:${'ab'.repeat(32)}`;
      const done = await index.commit('a', wanted.uploadId, { parts: chosen, digest, now: NOW + 5 });
      expect(done).toMatchObject({
        artifact: { name: 'dist', run: 'run-1', job: 'job-1', sizeBytes: 12, digest, createdAt: NOW + 5 },
        dropped: [left.blob],
      });
      const id = done?.artifact.id ?? '';
      expect(id).toMatch(/^\d+$/);
      expect(await index.content('a', id, NOW)).toEqual({
        sizeBytes: 12,
        etag: wanted.uploadId,
        blobs: chosen.map(({ number: _, ...blob }) => blob),
      });
      expect(await index.upload('a', wanted.uploadId)).toEqual({
        run: 'run-1',
        committed: { artifactId: id, sizeBytes: 12, numbers: [2, 1] },
      });
    });

    it('gives a name of a run to one job alone, and again when it is free', async () => {
      const open = reservation();
      expect(await index.reserve('a', open)).toEqual({ outcome: 'reserved', dropped: [] });
      expect(await index.reserve('a', reservation({ job: 'job-2' }))).toEqual({ outcome: 'taken' });
      for (const other of [reservation({ run: 'run-2' }), reservation({ name: 'Dist' })])
        expect(await index.reserve('a', other)).toMatchObject({ outcome: 'reserved' });
      expect(await index.reserve('b', reservation())).toMatchObject({ outcome: 'reserved' });

      expect(await index.release('a', open.uploadId)).toEqual([]);
      expect(await index.release('a', open.uploadId)).toBeUndefined();
      expect(await index.reserve('a', reservation({ job: 'job-2' }))).toMatchObject({ outcome: 'reserved' });
    });

    it('lets the same job begin its upload anew, and drops what the first try brought', async () => {
      const first = reservation();
      const brought = part(1);
      await index.reserve('a', first);
      await index.addParts('a', first.uploadId, [brought], NOW);
      expect(await index.reserve('a', reservation())).toEqual({
        outcome: 'reserved',
        dropped: [brought.blob],
      });
      expect(await index.commit('a', first.uploadId, { parts: [brought], now: NOW })).toBeUndefined();
    });

    it('of concurrent jobs lets one win', async () => {
      const tries = Array.from({ length: 20 }, (_, job) =>
        index.reserve('a', reservation({ job: `j${job}` })),
      );
      const won = (await Promise.all(tries)).filter((one) => one.outcome === 'reserved');
      expect(won).toHaveLength(1);
    });

    it('keeps a name that is finished, even from its own job, until it is removed', async () => {
      const kept = await upload('a');
      expect(await index.reserve('a', reservation())).toEqual({ outcome: 'taken' });
      expect(await index.remove('a', 'run-1', 'dist', NOW)).toMatchObject({
        artifact: { id: kept.id },
        blobs: kept.parts.map((one) => one.blob),
      });
      expect(await index.remove('a', 'run-1', 'dist', NOW)).toBeUndefined();
      const later = await upload('a');
      expect(Number(later.id)).toBeGreaterThan(Number(kept.id));
    });

    it('shows a run and a tenant their own artifacts and no others', async () => {
      const mine = await upload('a');
      const second = await upload('a', { name: 'logs' });
      await upload('a', { run: 'run-2' });
      const theirs = await upload('b');
      const ids = async (tenant: string, run: string, filter = {}) =>
        (await index.list(tenant, run, filter, NOW, 10)).map((one) => one.id);
      expect(await ids('a', 'run-1')).toEqual([mine.id, second.id]);
      expect(await ids('a', 'run-1', { name: 'logs' })).toEqual([second.id]);
      expect(await ids('a', 'run-1', { id: mine.id })).toEqual([mine.id]);
      expect(await ids('a', 'run-1', { id: theirs.id })).toEqual([]);
      expect(await ids('a', 'run-3')).toEqual([]);
      expect(await ids('b', 'run-1')).toEqual([theirs.id]);
      expect(await index.content('a', theirs.id, NOW)).toBeUndefined();
      expect(await index.upload('a', theirs.uploadId)).toBeUndefined();
      expect(await index.addParts('a', theirs.uploadId, [part(9)], NOW)).toBe(false);
      expect(await index.remove('a', 'run-2', 'logs', NOW)).toBeUndefined();
      expect(await index.list('a', 'run-1', {}, NOW, 1)).toHaveLength(1);
    });

    it('takes names for what they are: no wildcards, no folding', async () => {
      await upload('a', { name: 'a%b' });
      await upload('a', { name: 'é' });
      for (const name of ['axb', 'A%B', 'e\u0301', '%'])
        expect(await index.list('a', 'run-1', { name }, NOW, 10)).toEqual([]);
      expect(await index.list('a', 'run-1', { name: 'a%b' }, NOW, 10)).toHaveLength(1);
    });

    it('has nothing left of what expired, whose name is free before the sweep comes', async () => {
      const early = await upload('a', { expiresAt: NOW + 100 });
      const other = await upload('a', { name: 'logs', expiresAt: NOW + 100 });
      await upload('a', { name: 'kept', expiresAt: NOW + DAY });
      expect(await index.list('a', 'run-1', {}, NOW + 99, 10)).toHaveLength(3);
      expect(await index.list('a', 'run-1', {}, NOW + 100, 10)).toHaveLength(1);
      expect(await index.content('a', early.id, NOW + 100)).toBeUndefined();
      expect(await index.remove('a', 'run-1', 'dist', NOW + 100)).toBeUndefined();
      const again = reservation({ job: 'job-9', now: NOW + 100 });
      const dropped = early.parts.map((one) => one.blob);
      expect(await index.reserve('a', again)).toEqual({ outcome: 'reserved', dropped });
      expect(await index.removeExpired(NOW + 100, 10)).toEqual({
        artifacts: 1,
        blobs: other.parts.map((one) => one.blob),
      });
      expect(await index.removeExpired(NOW + 100, 10)).toEqual({ artifacts: 0, blobs: [] });
    });

    it('gives up uploads without activity, and knows which blobs it names', async () => {
      const idle = reservation();
      const [old, unknown] = [part(1), randomUUID()];
      await index.reserve('a', idle);
      await index.addParts('a', idle.uploadId, [old], NOW + 10);
      const kept = await upload('a', { name: 'logs' });
      const blobs = [old.blob, unknown, ...kept.parts.map((one) => one.blob)];
      expect(await index.namedBlobs(blobs)).toEqual(new Set(blobs.filter((one) => one !== unknown)));
      expect(await index.releaseAbandoned(NOW + 10)).toEqual([]);
      expect(await index.releaseAbandoned(NOW + 11)).toEqual([old.blob]);
      expect(await index.upload('a', idle.uploadId)).toBeUndefined();
      expect(await index.namedBlobs([])).toEqual(new Set());
    });

    it('commits nothing of parts that are not there, and replaces a part that is sent again', async () => {
      const wanted = reservation();
      const [first, again] = [part(1), part(1, 20)];
      await index.reserve('a', wanted);
      await index.addParts('a', wanted.uploadId, [first], NOW);
      await index.addParts('a', wanted.uploadId, [again], NOW);
      expect(await index.parts('a', wanted.uploadId)).toEqual([again]);
      expect(await index.commit('a', wanted.uploadId, { parts: [first], now: NOW })).toBeUndefined();
      expect(await index.list('a', 'run-1', {}, NOW, 10)).toEqual([]);
      expect(await index.commit('a', wanted.uploadId, { parts: [again], now: NOW })).toBeDefined();
      expect(await index.addParts('a', wanted.uploadId, [part(2)], NOW)).toBe(false);
    });

    it('counts what each tenant has, and all of them', async () => {
      expect(await index.usage('a')).toEqual({ artifacts: 0, sizeBytes: 0 });
      await upload('a', {}, [part(1, 2 ** 40)]);
      await upload('a', { name: 'logs' }, [part(1, 2)]);
      await upload('b', {}, [part(1, 3)]);
      await index.reserve('a', reservation({ name: 'open' }));
      expect(await index.usage('a')).toEqual({ artifacts: 2, sizeBytes: 2 ** 40 + 2 });
      expect(await index.total()).toEqual({ artifacts: 3, sizeBytes: 2 ** 40 + 5 });
      await index.ready();
    });
  });
}
