import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Floor, parseFloor } from '../../src/cache/limits/disk_floor.ts';
import { type PoolLimits, USUAL_LIMITS } from '../../src/cache/limits/pool_limits.ts';
import { type JobIssuer, startJobIssuer } from '../runtime/cache_access/job_issuer.ts';
import { type JobFolder, makeJobFolder } from './run_job.ts';
import { ACCESS, CACHE_SERVICE, POD_TOKEN, type Stand, startStand } from './stand.ts';

const V1 = { ACTIONS_CACHE_SERVICE_V2: '' };
const MIB = 2 ** 20;

let stand: Stand;
let full: Stand;
let job: JobFolder;
let jobOfFull: JobFolder;
let limits: Partial<PoolLimits>;
beforeAll(async () => {
  const pools = { known: true, of: () => ({ ...USUAL_LIMITS, ...limits }) };
  const freeDiskFloor: Floor = parseFloor('1Pi');
  [stand, full] = await Promise.all([
    startStand({ cache: { pools } }),
    startStand({ cache: { freeDiskFloor } }),
  ]);
  job = await makeJobFolder(() => stand.url);
  jobOfFull = await makeJobFolder(() => full.url);
  for (const { path } of [job, jobOfFull]) {
    await mkdir(join(path, 'payload'));
    // Random, so that the client's compression doesn't make it small.
    await writeFile(join(path, 'payload', 'bytes'), randomBytes(2 * MIB));
  }
}, 60_000);
afterAll(async () => {
  await Promise.all([stand.close(), full.close(), job.remove(), jobOfFull.remove()]);
});
let tenants = 0;
beforeEach(() => {
  limits = {};
  stand.callers[POD_TOKEN] = { ...ACCESS, tenant: `acme/app-${++tenants}` };
});

describe.each([
  ['v2', {}],
  ['v1', V1],
])('the unmodified @actions/cache by %s', (version, env) => {
  it('is told of too many creations, and goes on', { timeout: 120_000 }, async () => {
    limits = { creationsPerMinute: 1 };
    const { results, log } = await job.run(
      [
        { do: 'save', key: 'one' },
        { do: 'save', key: 'two' },
        { do: 'restore', key: 'one' },
      ],
      env,
    );
    expect(results).toEqual([expect.any(Number), -1, 'one']);
    expect(log).toContain('More than 1 cache entries were begun in this repository within a minute');
    if (version === 'v2') expect(log).toMatch(/rate limit will reset in [1-6]?[0-9] seconds/);
  });

  it('is told that an entry is too large before all of it was sent', { timeout: 120_000 }, async () => {
    limits = { maxEntrySize: MIB };
    const before = stand.seen.length;
    const { results, log } = await job.run([{ do: 'save', key: 'large' }], env);
    expect(results).toEqual([-1]);
    expect(log).toMatch(/limits of its pool allow 1048576/);
    expect(stand.seen.slice(before).filter(({ method }) => method === 'PUT')).toEqual([]);
  });

  it('is told that there is no room', { timeout: 120_000 }, async () => {
    const { results, log } = await jobOfFull.run([{ do: 'save', key: 'no-room' }], env);
    expect(results).toEqual([-1]);
    expect(log).toContain(version === 'v2' ? 'Cache storage quota has been hit' : 'nothing is left to evict');
  });
});

it.each(['application/json', 'application/protobuf'])(
  'Retry-After comes to a client of v2, as %s',
  async (type) => {
    limits = { creationsPerMinute: 1 };
    const asked = (key: string) =>
      fetch(`${stand.url}${CACHE_SERVICE}/CreateCacheEntry`, {
        method: 'POST',
        headers: { 'content-type': type },
        // Fields 2 and 3, each a text (wire type 2).
        body:
          type === 'application/json'
            ? JSON.stringify({ key, version: 'a' })
            : Buffer.from([0x12, key.length, ...Buffer.from(key), 0x1a, 1, 0x61]),
      });
    expect((await asked('one')).status).toBe(200);
    const refused = await asked('two');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ code: 'resource_exhausted' });
  },
);

describe('where the pool takes scopes from jobs', () => {
  let issuer: JobIssuer;
  /** What of a pod's own token the sidecar looks at. */
  const podToken = `e30.${Buffer.from('{"harrier.dev":{"cache":{"jobIdentity":{}}}}').toString('base64url')}.e30`;
  beforeAll(async () => {
    issuer = await startJobIssuer();
    await stand.rotateToken(podToken);
  });
  afterAll(async () => {
    issuer.stop();
    await stand.rotateToken(POD_TOKEN);
    delete stand.callers[podToken];
  });
  beforeEach(() => {
    // Refused, the sidecar looks at its file at once; else it would trust the token of before for up to a second.
    delete stand.callers[POD_TOKEN];
    stand.callers[podToken] = { ...ACCESS, tenant: `org/${tenants}`, jobIdentity: issuer.identity };
  });
  const by = async (...granted: [string, number][]) => ({
    ACTIONS_RUNTIME_TOKEN: await issuer.token('42', granted),
  });

  it.each([
    ['v2', {}],
    ['v1', V1],
  ])('a pull request restores from main and saves for itself: %s', { timeout: 120_000 }, async (_, env) => {
    const main = { ...env, ...(await by(['refs/heads/main', 3])) };
    const pull = { ...env, ...(await by(['refs/pull/7/merge', 3], ['refs/heads/main', 1])) };
    expect((await job.run([{ do: 'save', key: 'deps-1' }], main)).results).toEqual([expect.any(Number)]);
    const ofPull = await job.run(
      [
        { do: 'restore', key: 'deps-2', restoreKeys: ['deps-'] },
        { do: 'save', key: 'deps-2' },
        { do: 'restore', key: 'deps-2' },
      ],
      pull,
    );
    expect(ofPull.results).toEqual(['deps-1', expect.any(Number), 'deps-2']);
    const ofMain = await job.run(
      [
        { do: 'restore', key: 'deps-2' },
        { do: 'restore', key: 'deps-3', restoreKeys: ['deps-'] },
      ],
      main,
    );
    expect(ofMain.results).toEqual([null, 'deps-1']);
  });

  it.each([
    ['v2', {}],
    ['v1', V1],
  ])('a job without its forge’s token is denied, and goes on: %s', { timeout: 120_000 }, async (_, env) => {
    const { results, log } = await job.run(
      [
        { do: 'restore', key: 'deps' },
        { do: 'save', key: 'deps' },
      ],
      env,
    );
    expect(results).toEqual([null, -1]);
    expect(log).toContain('cache read denied: the token that the job sent is not good');
    expect(log).toContain('cache write denied: the token that the job sent is not good');
  });
});

it('the token of a job is handed on to nobody where the pool has its own scopes', async () => {
  await stand.rotateToken(POD_TOKEN);
  const before = stand.seen.length;
  await expect
    .poll(async () => (await stand.twirp('GetCacheEntryDownloadURL', { key: 'k', version: 'a' })).status)
    .toBe(200);
  const seen = stand.seen
    .slice(before)
    .filter(({ authorization }) => authorization === `Bearer ${POD_TOKEN}`);
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.map(({ jobToken }) => jobToken)).toEqual(seen.map(() => undefined));
});
