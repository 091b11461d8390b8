import { describe, expect, it } from 'vitest';
import { takePartNumber, Uploads } from '../../src/sidecar/uploads.ts';

const entry = (n: number) => ({ uploadId: `u${n}`, key: `k${n}`, version: 'ab' });

describe('uploads', () => {
  it('are found by handle and signature, by number, and by key and version', () => {
    const uploads = new Uploads();
    const one = uploads.open(entry(1));
    uploads.open(entry(2));
    expect(uploads.byHandle(one.handle, one.signature)).toBe(one);
    expect(uploads.byHandle(one.handle, null)).toBeUndefined();
    expect(uploads.byHandle(one.handle, 'x')).toBeUndefined();
    expect(uploads.byCacheId(one.cacheId)).toBe(one);
    expect(uploads.byEntry({ key: 'k1', version: 'ab' })).toBe(one);
    expect(uploads.byEntry({ key: 'k1', version: 'ac' })).toBeUndefined();
    expect(Number.isSafeInteger(one.cacheId) && one.cacheId > 0).toBe(true);
  });

  it('are bounded in number, and those that stand still give way', () => {
    let now = 0;
    const uploads = new Uploads(() => now);
    for (let n = 0; n < 512; n++) {
      uploads.assertRoom();
      uploads.open(entry(n));
    }
    expect(() => uploads.assertRoom()).toThrow('being written');
    now = 3 * 3600_000;
    uploads.byEntry(entry(7));
    now = 7 * 3600_000;
    uploads.assertRoom();
    expect(uploads.all().map(({ key }) => key)).toEqual(['k7']);
  });

  it('remember what was committed, until the key is taken anew', () => {
    const uploads = new Uploads();
    uploads.finish(uploads.open(entry(1)), '17');
    expect(uploads.finished(entry(1))).toBe('17');
    expect(uploads.all()).toEqual([]);
    uploads.open(entry(1));
    expect(uploads.finished(entry(1))).toBeUndefined();
    for (let n = 2; n < 600; n++) uploads.finish(uploads.open(entry(n)), String(n));
    expect(uploads.finished(entry(2))).toBeUndefined();
    expect(uploads.finished(entry(599))).toBe('599');
  });

  it('have 50,000 parts at most', () => {
    const upload = new Uploads().open(entry(1));
    for (let n = 1; n <= 50_000; n++)
      if (takePartNumber(upload) !== n) expect.fail(`the ${n}th has another number`);
    expect(() => takePartNumber(upload)).toThrow('50000 parts');
  });
});
