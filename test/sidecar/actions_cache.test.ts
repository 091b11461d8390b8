import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobFolder, makeJobFolder } from './run_job.ts';
import { POD_TOKEN, type Stand, startStand } from './stand.ts';

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

const V1_ENVIRONMENTS = {
  'without ACTIONS_CACHE_SERVICE_V2': { ACTIONS_CACHE_SERVICE_V2: '' },
  'with a server that is not GitHub': { GITHUB_SERVER_URL: 'https://git.example.com' },
};

describe('the unmodified @actions/cache', () => {
  it.each([1, 100, 200])('saves and restores %d MiB by v2', { timeout: 120_000 }, async (mebibytes) => {
    const before = stand.seen.length;
    const log = await job.saveAndRestore(`v2-${mebibytes}`, mebibytes);
    expect(log).toContain('Cache service version: v2');
    const parts = stand.seen.slice(before).filter(({ method }) => method === 'PUT').length;
    // Above 128 MiB the client sends 64 MiB blocks and a block list; below, one PUT.
    expect(parts).toBe(mebibytes > 128 ? 4 : 1);
  });

  it.each(Object.entries(V1_ENVIRONMENTS))(
    'saves and restores 40 MiB by v1, %s',
    { timeout: 120_000 },
    async (what, env) => {
      const log = await job.saveAndRestore(`v1 ${what}`.replaceAll(/[ ,]/g, '-'), 40, env);
      expect(log).toContain('Cache service version: v1');
    },
  );

  it('saves by v1 in chunks of the size and number that the job asks for', { timeout: 60_000 }, async () => {
    const before = stand.seen.length;
    const chunks = { CACHE_UPLOAD_CHUNK_SIZE: '1', CACHE_UPLOAD_CONCURRENCY: '8' };
    await job.saveAndRestore('v1-small-chunks', 20, { ACTIONS_CACHE_SERVICE_V2: '', ...chunks });
    const parts = stand.seen.slice(before).filter(({ method }) => method === 'PUT').length;
    expect(parts).toBeGreaterThanOrEqual(20);
  });

  it.each([
    ['v2', {}],
    ['v1', { ACTIONS_CACHE_SERVICE_V2: '' }],
  ])(
    'finds the newest by a restore key, misses, and tells a conflict: %s',
    { timeout: 60_000 },
    async (api, env) => {
      const { results, log } = await job.run(
        [
          { do: 'make', mebibytes: 1 },
          { do: 'save', key: `${api}-deps-1` },
          { do: 'save', key: `${api}-deps-2` },
          { do: 'save', key: `${api}-deps-2` },
          { do: 'restore', key: `${api}-deps-3`, restoreKeys: [`${api}-other-`, `${api}-deps-`] },
          { do: 'restore', key: `${api}-nothing`, restoreKeys: [`${api}-none-`] },
        ],
        env,
      );
      expect(results[1]).toBeGreaterThan(0);
      expect(results[2]).toBeGreaterThan(0);
      expect(results[3]).toBe(-1);
      expect(log).toContain('another job may be creating this cache');
      expect(results[4]).toBe(`${api}-deps-2`);
      expect(results[5]).toBeNull();
    },
  );

  it.each([
    ['v2', {}],
    ['v1', { ACTIONS_CACHE_SERVICE_V2: '' }],
  ])(
    'is told of a read-only and of a disabled cache in its own words: %s',
    { timeout: 60_000 },
    async (api, env) => {
      const access = stand.callers[POD_TOKEN];
      if (access === undefined) throw new Error('the stand has no caller');
      try {
        stand.callers[POD_TOKEN] = { ...access, scopes: [{ name: 'refs/heads/main', permission: 'Read' }] };
        const readOnly = await job.run([{ do: 'make' }, { do: 'save', key: `${api}-denied` }], env);
        expect(readOnly.results[1]).toBe(-1);
        expect(readOnly.log).toContain('cache write denied:');
        stand.callers[POD_TOKEN] = { ...access, enabled: false };
        const disabled = await job.run([{ do: 'restore', key: `${api}-deps-1` }], env);
        expect(disabled.results[0]).toBeNull();
        expect(disabled.log).toContain('cache read denied:');
      } finally {
        stand.callers[POD_TOKEN] = access;
      }
    },
  );

  it('masks the signature of its URLs in the log', { timeout: 60_000 }, async () => {
    const { log } = await job.run([
      { do: 'make' },
      { do: 'save', key: 'masked' },
      { do: 'restore', key: 'masked' },
    ]);
    const signatures = [...log.matchAll(/sig=([0-9a-f]{32})/g)].map((match) => match[1]);
    expect(signatures).toHaveLength(2);
    for (const signature of signatures) expect(log).toContain(`::add-mask::${signature}`);
  });

  it('has never had its own bearer reach the api', () => {
    const bearers = new Set(
      stand.seen
        .filter(({ path }) => !path.startsWith('/v1/blobs/'))
        .map(({ authorization }) => authorization),
    );
    expect([...bearers]).toEqual([`Bearer ${POD_TOKEN}`]);
    // The store gets no token at all: a signed URL is all that it needs.
    const atStore = stand.seen.filter(({ path }) => path.startsWith('/v1/blobs/'));
    expect(atStore.length).toBeGreaterThan(0);
    expect(atStore.every(({ authorization }) => authorization === undefined)).toBe(true);
  });
});
