import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CacheIndex, Part, Probe } from '../../src/cache/index/index.ts';
import { probes } from '../../src/cache/lookup.ts';
import { managementConformance } from './index/management_conformance.ts';
import { randomOperations } from './index/random_operations.ts';

const V = 'ab12';

interface Saved {
  tenant: string;
  scope: string;
  key: string;
  version: string;
  pool?: string;
}

/** What every index must do, whatever it keeps its rows in. `open` gives an empty one. */
export function indexConformance(name: string, open: () => Promise<CacheIndex>, numRuns = 100): void {
  describe(name, () => {
    randomOperations(open, numRuns);
    managementConformance(open);

    let index: CacheIndex;
    let uploads = 0;
    beforeEach(async () => {
      index = await open();
    });
    afterEach(() => index.close());

    const part = (number: number, sizeBytes = 10): Part => ({ number, sizeBytes, blob: `blob-${++uploads}` });

    async function reserve(
      { tenant, scope, key, version, pool = 'ns/p1' }: Saved,
      now = 1,
    ): Promise<string | undefined> {
      const uploadId = `upload-${++uploads}`;
      const { outcome } = await index.reserve(tenant, { uploadId, scope, key, version, pool, now });
      return outcome === 'reserved' ? uploadId : undefined;
    }

    async function save(saved: Saved, now = 1, parts: Part[] = [part(1)]): Promise<string> {
      const uploadId = await reserve(saved, now);
      if (uploadId === undefined) throw new Error(`${saved.key} is taken`);
      expect(await index.addParts(saved.tenant, uploadId, parts, now)).toBe(true);
      const done = await index.commit(saved.tenant, uploadId, parts, now);
      if (done === undefined) throw new Error('not committed');
      return done.entry.id;
    }
    const in1 = (key: string, more: Partial<Saved> = {}): Saved => ({
      tenant: 't1',
      scope: 'main',
      key,
      version: V,
      ...more,
    });
    const findKey = async (asked: readonly Probe[], tenant = 't1') =>
      (await index.find(tenant, V, asked))?.key;

    describe('find', () => {
      it('answers the entry as it was committed', async () => {
        const id = await save(in1('npm-1'), 1234, [part(1, 30), part(2, 12)]);
        expect(await index.find('t1', V, [{ scope: 'main', key: 'npm-1' }])).toEqual({
          id,
          scope: 'main',
          key: 'npm-1',
          version: V,
          sizeBytes: 42,
          createdAt: 1234,
          lastUsedAt: 1234,
        });
        expect(id).toMatch(/^\d{1,18}$/);
      });

      it('prefers the newest commit among keys of a prefix, however the keys sort and the clock runs', async () => {
        await save(in1('npm-b'), 100);
        await save(in1('npm-c'), 50);
        await save(in1('npm-a'), 50);
        expect(await findKey([{ scope: 'main', key: 'npm-' }])).toBe('npm-a');
      });

      it('finds the newest of a prefix among hundreds', async () => {
        for (let n = 0; n < 250; n++) await save(in1(`npm-${(n * 7919) % 250}`));
        await save(in1('yarn-1'));
        expect(await findKey([{ scope: 'main', key: 'npm-' }])).toBe(`npm-${(249 * 7919) % 250}`);
        expect(await findKey([{ scope: 'main', key: 'np' }])).toBe(`npm-${(249 * 7919) % 250}`);
      });

      it.each([
        ['SQL wildcards', 'a%', 'abc'],
        ['an underscore', 'a_', 'ab'],
        ['another case', 'NPM', 'npm-1'],
        ['another normal form', 'caf\u00e9', 'cafe\u0301-1'],
        ['what follows the prefix', 'b', 'c'],
      ])('takes a prefix literally: %s', async (_what, prefix, key) => {
        await save(in1(key));
        expect(await findKey([{ scope: 'main', key: prefix }])).toBeUndefined();
      });

      it.each(['\ud7ff', '\u{10ffff}', '\u007f', 'a\u{10ffff}', '🦅', ' ', "'", '../..', 'é'])(
        'finds keys that begin with %j',
        async (prefix) => {
          await save(in1(`${prefix}\u{10ffff}x`));
          expect(await findKey([{ scope: 'main', key: prefix }])).toBe(`${prefix}\u{10ffff}x`);
        },
      );

      it('sees no reservation', async () => {
        await reserve(in1('npm-1'));
        expect(await findKey(probes(['main'], ['npm-1']))).toBeUndefined();
      });

      it('does what a plain search over a list does', async () => {
        const text = fc.string({
          unit: fc.constantFrom('a', 'b', '-', 'é', '%', '🦅'),
          minLength: 1,
          maxLength: 4,
        });
        const saved = fc.record({
          tenant: fc.constantFrom('t1', 't2'),
          scope: fc.constantFrom('s1', 's2', 's3'),
          key: text,
          version: fc.constantFrom('a', 'b'),
        });
        await fc.assert(
          fc.asyncProperty(
            fc.array(saved, { maxLength: 25 }),
            fc.array(
              fc.record({
                tenant: fc.constantFrom('t1', 't2'),
                scopes: fc.uniqueArray(fc.constantFrom('s1', 's2', 's3'), { minLength: 1 }),
                keys: fc.array(text, { minLength: 1, maxLength: 3 }),
                version: fc.constantFrom('a', 'b'),
              }),
              { maxLength: 8 },
            ),
            async (saves, lookups) => {
              await index.close();
              index = await open();
              const model: Saved[] = [];
              for (const one of saves) {
                const taken = model.some((other) => same(other, one));
                const uploadId = await reserve(one);
                expect(uploadId === undefined).toBe(taken);
                if (uploadId === undefined) continue;
                const parts = [part(1)];
                await index.addParts(one.tenant, uploadId, parts, 1);
                await index.commit(one.tenant, uploadId, parts, 1);
                model.push(one);
              }
              for (const { tenant, scopes, keys, version } of lookups) {
                const found = await index.find(tenant, version, probes(scopes, keys));
                const right = naive(model, tenant, scopes, keys, version);
                expect(found && { scope: found.scope, key: found.key }).toEqual(
                  right && { scope: right.scope, key: right.key },
                );
              }
            },
          ),
          { numRuns: Math.min(numRuns, 60) },
        );
      });
    });

    describe('reservation', () => {
      it('lets one of a hundred concurrent tries win', async () => {
        const tries = await Promise.all(Array.from({ length: 100 }, () => reserve(in1('npm-1'))));
        expect(tries.filter((one) => one !== undefined)).toHaveLength(1);
      });

      it('keeps scopes, versions and tenants apart', async () => {
        expect(await reserve(in1('k'))).toBeDefined();
        expect(await reserve(in1('k', { scope: 'other' }))).toBeDefined();
        expect(await reserve(in1('k', { version: 'cd' }))).toBeDefined();
        expect(await reserve(in1('k', { tenant: 't2' }))).toBeDefined();
        expect(await reserve(in1('k'))).toBeUndefined();
      });

      it('is free again after release, with the blobs named', async () => {
        const uploadId = (await reserve(in1('k'))) ?? '';
        const parts = [part(1), part(2)];
        await index.addParts('t1', uploadId, parts, 1);
        expect(await index.release('t1', uploadId)).toEqual(parts.map((one) => one.blob));
        expect(await index.release('t1', uploadId)).toBeUndefined();
        expect(await reserve(in1('k'))).toBeDefined();
      });

      it('is given up by age of its last activity', async () => {
        const idle = (await reserve(in1('idle'), 100)) ?? '';
        const busy = (await reserve(in1('busy'), 100)) ?? '';
        const parts = [part(1)];
        await index.addParts('t1', idle, [part(1)], 100);
        await index.addParts('t1', busy, parts, 200);
        await save(in1('done'), 100);
        expect(await index.releaseAbandoned(200)).toHaveLength(1);
        expect(await index.upload('t1', idle)).toBeUndefined();
        expect(await index.parts('t1', busy)).toEqual(parts);
        expect(await findKey(probes(['main'], ['done']))).toBe('done');
      });
    });

    describe('commit', () => {
      it('keeps the order of the list, names twice what is listed twice, drops what is left out', async () => {
        const uploadId = (await reserve(in1('k'))) ?? '';
        const [one, two, three] = [part(1), part(2, 5), part(3)];
        await index.addParts('t1', uploadId, [one, two, three], 1);
        const done = await index.commit('t1', uploadId, [two, one, two], 7);
        expect(done?.dropped).toEqual([three.blob]);
        const content = await index.content('t1', done?.entry.id ?? '');
        expect(content?.sizeBytes).toBe(20);
        expect(content?.blobs.map((found) => found.blob)).toEqual([two.blob, one.blob, two.blob]);
        expect((await index.upload('t1', uploadId))?.committed).toEqual({
          entryId: done?.entry.id,
          sizeBytes: 20,
          numbers: [2, 1, 2],
        });
      });

      it('changes nothing when a part was replaced meanwhile', async () => {
        const uploadId = (await reserve(in1('k'))) ?? '';
        const [old, other, later] = [part(1), part(2), part(1)];
        await index.addParts('t1', uploadId, [old, other], 1);
        await index.addParts('t1', uploadId, [later], 2);
        expect(await index.commit('t1', uploadId, [other, old], 3)).toBeUndefined();
        expect(await findKey(probes(['main'], ['k']))).toBeUndefined();
        expect(await index.parts('t1', uploadId)).toEqual([later, other]);
        expect(await index.commit('t1', uploadId, [other, later], 3)).toBeDefined();
      });

      it('is final: no parts, no second commit, no release after it', async () => {
        const uploadId = (await reserve(in1('k'))) ?? '';
        const parts = [part(1)];
        await index.addParts('t1', uploadId, parts, 1);
        await index.commit('t1', uploadId, parts, 1);
        expect(await index.addParts('t1', uploadId, [part(1)], 2)).toBe(false);
        expect(await index.commit('t1', uploadId, parts, 2)).toBeUndefined();
        expect(await index.release('t1', uploadId)).toBeUndefined();
        expect(await reserve(in1('k'))).toBeUndefined();
      });
    });

    it('shows and gives nothing to another tenant', async () => {
      const id = await save(in1('k'));
      const uploadId = (await reserve(in1('open'))) ?? '';
      const parts = [part(1)];
      await index.addParts('t1', uploadId, parts, 1);

      expect(await findKey(probes(['main'], ['k']), 't2')).toBeUndefined();
      expect(await index.list('t2', ['main'], '', 10)).toEqual({ total: 0, entries: [] });
      expect(await index.content('t2', id)).toBeUndefined();
      expect(await index.upload('t2', uploadId)).toBeUndefined();
      expect(await index.parts('t2', uploadId)).toEqual([]);
      expect(await index.addParts('t2', uploadId, [part(1)], 2)).toBe(false);
      expect(await index.commit('t2', uploadId, parts, 2)).toBeUndefined();
      expect(await index.release('t2', uploadId)).toBeUndefined();
      await index.touch([{ tenant: 't2', entryId: id, at: 99 }]);
      expect((await index.find('t1', V, probes(['main'], ['k'])))?.lastUsedAt).toBe(1);
      expect(await index.parts('t1', uploadId)).toEqual(parts);
    });

    it('lists what begins with a prefix, newest first, and counts the rest', async () => {
      await save(in1('npm-1'));
      await save(in1('npm-2', { version: 'cd' }));
      await save(in1('npm-3', { scope: 'hidden' }));
      await save(in1('yarn'));
      await save(in1('npm-4', { scope: 'pr' }));
      await reserve(in1('npm-open'));
      const { total, entries } = await index.list('t1', ['main', 'pr'], 'npm-', 2);
      expect(total).toBe(3);
      expect(entries.map((entry) => [entry.key, entry.scope, entry.version])).toEqual([
        ['npm-4', 'pr', V],
        ['npm-2', 'main', 'cd'],
      ]);
      expect((await index.list('t1', ['main'], '', 10)).total).toBe(3);
    });

    it('notes last uses and never sets them back', async () => {
      const id = await save(in1('k'));
      await index.touch([{ tenant: 't1', entryId: id, at: 50 }]);
      await index.touch([
        { tenant: 't1', entryId: id, at: 20 },
        { tenant: 't1', entryId: '999', at: 20 },
      ]);
      expect((await index.find('t1', V, probes(['main'], ['k'])))?.lastUsedAt).toBe(50);
    });

    it('knows which blobs are named, and which entries are not durable', async () => {
      const [kept, lost, open] = [part(1), part(1), part(1)];
      const first = await save(in1('kept'), 1, [kept]);
      const second = await save(in1('lost'), 1, [lost]);
      const uploadId = (await reserve(in1('open'))) ?? '';
      await index.addParts('t1', uploadId, [open], 1);
      const named = await index.namedBlobs([kept.blob, lost.blob, open.blob, 'stranger']);
      expect(named).toEqual(new Set([kept.blob, lost.blob, open.blob]));

      expect(await index.undurable()).toEqual([
        { entryId: first, blobs: [kept.blob] },
        { entryId: second, blobs: [lost.blob] },
      ]);
      await index.markDurable([first]);
      expect(await index.dropUndurable()).toBe(1);
      expect(await findKey(probes(['main'], ['lost']))).toBeUndefined();
      expect(await index.namedBlobs([kept.blob, lost.blob, open.blob])).toEqual(
        new Set([kept.blob, open.blob]),
      );
      expect(await index.parts('t1', uploadId)).toEqual([open]);
    });
  });
}

const same = (a: Saved, b: Saved): boolean =>
  a.tenant === b.tenant && a.scope === b.scope && a.key === b.key && a.version === b.version;

/** The look-up's rules, written as loops over all entries in the order of their commits. */
function naive(
  entries: readonly Saved[],
  tenant: string,
  scopes: readonly string[],
  keys: readonly string[],
  version: string,
): Saved | undefined {
  for (const scope of scopes) {
    const seen = entries.filter(
      (entry) => entry.tenant === tenant && entry.version === version && entry.scope === scope,
    );
    for (const key of keys) {
      const found =
        seen.find((entry) => entry.key === key) ?? seen.findLast((entry) => entry.key.startsWith(key));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
