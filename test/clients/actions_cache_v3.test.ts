import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobFolder, makeJobFolder } from '../sidecar/run_job.ts';
import { POD_TOKEN, type Stand, startStand } from '../sidecar/stand.ts';

/** 3.3.0, the last major of the action's library that knows the v1 protocol alone. */
const V3 = { CACHE_CLIENT: 'actions-cache-v3' };

let stand: Stand;
let job: JobFolder;
beforeAll(async () => {
  stand = await startStand();
  job = await makeJobFolder(() => stand.url);
});
afterAll(async () => {
  await stand.close();
  await job.remove();
});

describe('the unmodified @actions/cache 3.3.0', () => {
  it.each([1, 100])('saves and restores %d MiB', { timeout: 120_000 }, async (mebibytes) => {
    const before = stand.seen.length;
    const log = await job.saveAndRestore(`v3-${mebibytes}`, mebibytes, V3);
    expect(log).not.toContain('Cache service version');
    const parts = stand.seen.slice(before).filter(({ method }) => method === 'PUT').length;
    // Chunks of 32 MiB, four at once.
    expect(parts).toBe(Math.ceil(mebibytes / 32));
  });

  it('finds the newest by a restore key, misses, and tells a conflict', { timeout: 60_000 }, async () => {
    const { results, log } = await job.run(
      [
        { do: 'make', mebibytes: 1 },
        { do: 'save', key: 'deps-1' },
        { do: 'save', key: 'deps-2' },
        { do: 'save', key: 'deps-2' },
        { do: 'restore', key: 'deps-3', restoreKeys: ['other-', 'deps-'] },
        { do: 'restore', key: 'nothing', restoreKeys: ['none-'] },
      ],
      V3,
    );
    const [, first, second, conflict, hit, miss] = results;
    expect(first).toBeGreaterThan(0);
    expect(second).toBeGreaterThan(0);
    expect(conflict).toBe(-1);
    expect(log).toContain('another job may be creating this cache');
    expect(hit).toBe('deps-2');
    expect(miss).toBeNull();
  });

  it('restores what the current major saved, by either protocol', { timeout: 60_000 }, async () => {
    for (const [key, env] of [
      ['by-v2', {}],
      ['by-v1', { ACTIONS_CACHE_SERVICE_V2: '' }],
    ] as const) {
      const saved = await job.run([{ do: 'make', mebibytes: 3 }, { do: 'save', key }, { do: 'remove' }], env);
      const restored = await job.run([{ do: 'restore', key }, { do: 'hash' }], V3);
      expect(restored.results, restored.log.slice(-4000)).toEqual([key, saved.results[0]]);
    }
  });

  it('is told of a read-only cache, and goes on', { timeout: 60_000 }, async () => {
    const access = stand.callers[POD_TOKEN];
    if (access === undefined) throw new Error('the stand has no caller');
    try {
      stand.callers[POD_TOKEN] = { ...access, scopes: [{ name: 'refs/heads/main', permission: 'Read' }] };
      const { results, log } = await job.run([{ do: 'make' }, { do: 'save', key: 'denied' }], V3);
      expect(results[1]).toBe(-1);
      expect(log).toContain('cache write denied');
    } finally {
      stand.callers[POD_TOKEN] = access;
    }
  });
});
