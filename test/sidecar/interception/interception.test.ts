import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeLeaf } from '../../../src/controller/interception/certificates.ts';
import { idOf } from '../../../src/controller/interception/material.ts';
import { type JobFolder, makeJobFolder } from '../run_job.ts';
import { CACHE_SERVICE, POD_TOKEN } from '../stand.ts';
import { ASKING_TOKEN, DAY_MS, HOST, InterceptionStand } from './stand.ts';

let stand: InterceptionStand;
let job: JobFolder;
beforeAll(async () => {
  stand = await InterceptionStand.start();
  job = await makeJobFolder(() => 'http://unused.invalid', stand.network.within);
}, 60_000);
afterAll(async () => {
  await job.remove();
  await stand.close();
}, 60_000);

/** What actions/runner sets for each step of a job of github.com, over whatever its pod has. */
const ofRunner = () => ({
  ACTIONS_RESULTS_URL: `https://${HOST}/`,
  ACTIONS_CACHE_URL: 'https://acghubeus1.actions.githubusercontent.com/AbCdEf/',
  ACTIONS_RUNTIME_URL: 'https://pipelinesghubeus1.actions.githubusercontent.com/AbCdEf/',
  ACTIONS_RUNTIME_TOKEN: 'e30.eyJzY3AiOiJBY3Rpb25zLlJlc3VsdHM6YTpiIn0.x',
  ACTIONS_CACHE_SERVICE_V2: 'True',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_ACTIONS: 'true',
  ...stand.trust,
});

const LOOKUP = `${CACHE_SERVICE}/GetCacheEntryDownloadURL`;
const lookUp = {
  do: 'post' as const,
  path: LOOKUP,
  headers: ['Content-Type', 'application/json', 'Authorization', 'Bearer of.the.job'],
  body: Buffer.from('{"key":"nothing","restore_keys":[],"version":"abc123"}').toString('base64'),
};
const decoded = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64').toString();

describe.runIf(process.platform === 'linux')('the results service of GitHub in a pod', () => {
  it.each([1, 40])(
    'the unmodified @actions/cache saves and restores %d MiB',
    { timeout: 120_000 },
    async (mebibytes) => {
      const before = await stand.seen();
      const log = await job.saveAndRestore(`of-github-${mebibytes}`, mebibytes, ofRunner());
      expect(log).toContain('Cache service version: v2');
      expect(log).toContain(`https://${HOST}${CACHE_SERVICE}/CreateCacheEntry`);
      const after = await stand.seen();
      expect(after.github).toEqual(before.github);
      const ofJob = after.api.slice(before.api.length);
      expect(ofJob.some(({ path }) => path.includes('/cache/'))).toBe(true);
      for (const { authorization, jobToken } of ofJob)
        expect([authorization ?? `Bearer ${POD_TOKEN}`, jobToken]).toEqual([`Bearer ${POD_TOKEN}`, null]);
    },
  );

  it('hands the job`s token to the api where the pod`s own token asks for it, and only there', {
    timeout: 60_000,
  }, async () => {
    expect(await stand.ask(lookUp)).toMatchObject({ status: 200 });
    expect((await stand.seen()).api.at(-1)).toMatchObject({
      authorization: `Bearer ${POD_TOKEN}`,
      jobToken: null,
    });
    await stand.setToken(ASKING_TOKEN);
    const lastSeen = async () => {
      await stand.ask(lookUp);
      return (await stand.seen()).api.at(-1);
    };
    await expect.poll(lastSeen, { timeout: 30_000, interval: 500 }).toMatchObject({
      authorization: `Bearer ${ASKING_TOKEN}`,
      jobToken: 'of.the.job',
    });
    await stand.setToken(POD_TOKEN);
  });

  it('passes on what is not cache with its bytes and headers, and nothing of the pod`s', {
    timeout: 60_000,
  }, async () => {
    const headers = [
      ...['Authorization', 'Bearer of.the.job'],
      ...['X-Odd-CASE', 'kept'],
      ...['X-Twice', '1'],
      ...['X-Twice', '2'],
      ...['Content-Type', 'application/protobuf'],
    ];
    const path = '/twirp/github.actions.results.api.v1.ArtifactService/CreateArtifact?a=%20b';
    const body = Buffer.from([0, 1, 2, 255, 13, 10]).toString('base64');
    const came = await stand.ask({ do: 'post', path, headers: [...headers, 'Content-Length', '6'], body });
    const { github, api, namesAsked } = await stand.seen();
    const got = github.at(-1);
    expect(got).toMatchObject({ method: 'POST', url: path, bytes: 6 });
    expect(got?.headers.slice(0, -2)).toEqual(['Host', HOST, ...headers, 'Content-Length', '6']);
    // A connection's own headers are each connection's.
    expect(got?.headers.slice(-2)).toEqual(['Connection', 'keep-alive']);
    expect(came).toMatchObject({ status: 207, statusMessage: 'Seen', body });
    expect(came.headers?.slice(0, 8)).toEqual([
      ...['X-GitHub-Request-Id', 'AbC:1'],
      ...['Set-Cookie', 'a=1'],
      ...['Set-Cookie', 'b=2'],
      ...['Content-Type', 'application/octet-stream'],
    ]);
    expect(api.map((one) => one.path).filter((one) => one.includes('Artifact'))).toEqual([]);
    expect(namesAsked).toBeGreaterThan(0);
    expect(JSON.stringify(stand.sidecar.log())).not.toContain('ArtifactService');
  });

  it.each(['//elsewhere.invalid/a', '/a/../b/%2e%2e/c?d=//e', 'https://elsewhere.invalid/a'])(
    'goes nowhere else, whatever the path: %s',
    { timeout: 60_000 },
    async (path) => {
      const came = await stand.ask({ do: 'post', path, headers: ['Content-Length', '0'], body: '' });
      expect(came).toMatchObject({ status: 207 });
      expect((await stand.seen()).github.at(-1)).toMatchObject({ url: path });
    },
  );

  it('streams 64 MiB both ways at once, and holds none of it', { timeout: 120_000 }, async () => {
    const before = await peakMiB();
    const { sent, received } = await stand.ask({ do: 'stream', mebibytes: 64 });
    const { github } = await stand.seen();
    expect(received).toBe(sent);
    expect(github.at(-1)).toMatchObject({ url: '/stream', bytes: 64 * 1024 * 1024, sha256: sent });
    const after = await peakMiB();
    console.log(`interception: peak of ${before.toFixed(0)} MiB before, ${after.toFixed(0)} MiB after`);
    expect(after).toBeLessThan(before + 48);
  });

  it('carries the runner`s live log, a WebSocket', { timeout: 60_000 }, async () => {
    const came = await stand.ask({ do: 'upgrade', path: '/_ws/ingest.sock', say: 'line 1' });
    expect(came).toMatchObject({ status: 101, body: 'line 1' });
    expect(came.headers).toContain('X-Line');
    const { headers } = (await stand.seen()).github.at(-1) ?? {};
    expect(headers).toContain('Bearer of-the-job');
    expect(headers?.filter((name) => name.toLowerCase() === 'host')).toHaveLength(1);
  });

  it('is trusted by the pool`s authority alone', { timeout: 60_000 }, async () => {
    expect(await stand.ask(lookUp, {})).toHaveProperty('error');
    const other = { NODE_EXTRA_CA_CERTS: stand.file('public.crt') };
    expect((await stand.ask(lookUp, other)).error).toMatch(/UNABLE_TO_|SELF_SIGNED/);
    // OpenSSL's own way, which .NET and Python go: its roots are those of SSL_CERT_FILE.
    const { SSL_CERT_FILE = '' } = stand.trust;
    expect(await stand.ask(lookUp, { SSL_CERT_FILE }, ['--use-openssl-ca'])).toMatchObject({ status: 200 });
    expect(await stand.ask(lookUp, {}, ['--use-openssl-ca'])).toHaveProperty('error');
  });

  it('sends nothing to a server that does not prove its name to roots that it knows', {
    timeout: 60_000,
  }, async () => {
    await stand.sidecar.stop();
    await stand.startSidecar({});
    const before = (await stand.seen()).github.length;
    const artifacts = { do: 'post' as const, path: '/twirp/x.ArtifactService/Y', headers: [], body: '' };
    const came = await stand.ask(artifacts);
    expect([came.status, JSON.parse(decoded(came.body))]).toMatchObject([503, { code: 'unavailable' }]);
    expect(await stand.ask({ do: 'upgrade', path: '/_ws/ingest.sock', say: 'x' })).toHaveProperty('error');
    expect((await stand.seen()).github).toHaveLength(before);
    expect(await stand.ask(lookUp)).toMatchObject({ status: 200 });

    // Where the way out is inspected, the forge's Secret says by whom.
    await stand.sidecar.stop();
    const leaf = await makeLeaf(stand.authority, new Date(), DAY_MS);
    await stand.show(leaf, stand.other.certificate);
    await stand.startSidecar({});
    expect(await stand.ask(artifacts)).toMatchObject({ status: 207 });
    await stand.sidecar.stop();
    await stand.show(leaf);
    await stand.startSidecar();
  });

  it('is there again after a SIGKILL, and so is what was saved', { timeout: 60_000 }, async () => {
    const saved = await job.run(
      [
        { do: 'make', mebibytes: 1 },
        { do: 'save', key: 'before' },
      ],
      ofRunner(),
    );
    expect(saved.results[1]).toBeGreaterThan(0);
    const gone = once(stand.sidecar.child, 'exit');
    stand.sidecar.child.kill('SIGKILL');
    await gone;
    const meanwhile = await job.run([{ do: 'restore', key: 'before' }], ofRunner());
    expect(meanwhile.results).toEqual([null]);
    await stand.startSidecar();
    const { results } = await job.run([{ do: 'restore', key: 'before' }, { do: 'hash' }], ofRunner());
    expect(results).toEqual(['before', saved.results[0]]);
  });

  it('shows a new certificate without a restart, and an expired one is refused', {
    timeout: 60_000,
  }, async () => {
    const expired = await makeLeaf(stand.authority, new Date(Date.now() - 2 * DAY_MS), DAY_MS);
    await stand.show(expired);
    await expect
      .poll(() => stand.ask({ do: 'peer' }), { timeout: 30_000, interval: 500 })
      .toEqual({ error: 'CERT_HAS_EXPIRED' });
    const fresh = await makeLeaf(stand.authority, new Date(), DAY_MS);
    await stand.show(fresh);
    await expect
      .poll(() => stand.ask({ do: 'peer' }), { timeout: 30_000, interval: 500 })
      .toEqual({ peer: idOf(fresh) });
  });
});

async function peakMiB(): Promise<number> {
  const status = await readFile(`/proc/${stand.sidecar.child.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
