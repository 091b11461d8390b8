import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// The client's own generated messages, which its entry point doesn't export.
import * as messages from '../../node_modules/@actions/artifact/lib/generated/results/api/v1/artifact.js';
import { ARTIFACT_SERVICE, type ArtifactStand, type Caller, startArtifactStand } from './stand.ts';

let stand: ArtifactStand;
beforeAll(async () => {
  stand = await startArtifactStand();
});
afterAll(() => stand.close());

const DAY = 24 * 3600_000;
const ids = (run: string, job = 'job') => ({
  workflow_run_backend_id: run,
  workflow_job_run_backend_id: job,
});

async function put(url: unknown, bytes: Uint8Array): Promise<void> {
  const answer = await fetch(String(url), {
    method: 'PUT',
    headers: { 'x-ms-blob-type': 'BlockBlob' },
    body: Buffer.from(bytes),
  });
  expect(answer.status).toBe(201);
}

async function upload(caller: Caller, run: string, name: string, bytes: Uint8Array, more = {}) {
  const created = await stand.twirp(caller, 'CreateArtifact', { ...ids(run), name, version: 7, ...more });
  expect(created).toMatchObject({ status: 200, body: { ok: true } });
  await put(created.body.signed_upload_url, bytes);
  const hash = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const finalized = { ...ids(run), name, size: String(bytes.length), hash };
  return { ...(await stand.twirp(caller, 'FinalizeArtifact', finalized)), hash };
}

describe('the service of artifacts', () => {
  it('answers the bytes as what was uploaded, whole and by range', async () => {
    const bytes = Buffer.from('0123456789');
    const finalized = await upload('pod-1', 'r1', 'it’s (1).txt', bytes, { mime_type: 'text/plain' });
    expect(finalized.body).toMatchObject({ ok: true, artifact_id: expect.stringMatching(/^\d+$/) });
    const named = { ...ids('r1'), name: 'it’s (1).txt' };
    const { body } = await stand.twirp('pod-2', 'GetSignedArtifactURL', named);
    const url = String(body.signed_url);
    const whole = await fetch(url);
    expect(whole.headers.get('content-type')).toBe('text/plain');
    const disposition = "attachment; filename*=UTF-8''it%E2%80%99s%20%281%29.txt";
    expect(whole.headers.get('content-disposition')).toBe(disposition);
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(bytes);
    const part = await fetch(url, { headers: { range: 'bytes=2-4' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 2-4/10']);
    expect(await part.text()).toBe('234');
    expect((await fetch(url, { method: 'HEAD' })).headers.get('content-length')).toBe('10');
    expect((await fetch(url, { headers: { range: 'bytes=99-' } })).status).toBe(416);
    expect((await fetch(url.replace(/sig=.*/, 'sig=0'))).status).toBe(403);
    expect((await fetch(url, { method: 'PUT', body: '' })).status).toBe(405);
  });

  it('renews the signed URL of an artifact, and does not take a namesake for it', async () => {
    await upload('pod-1', 'r2', 'a', Buffer.from('first'));
    const { body } = await stand.twirp('pod-1', 'GetSignedArtifactURL', { ...ids('r2'), name: 'a' });
    const url = String(body.signed_url);
    stand.advance(3600_000);
    expect(await (await fetch(url)).text()).toBe('first');
    await stand.twirp('pod-1', 'DeleteArtifact', { ...ids('r2'), name: 'a' });
    await upload('pod-1', 'r2', 'a', Buffer.from('second'));
    expect((await fetch(url)).status).toBe(404);
  });

  it('lets the same job begin an upload anew, and another one not', async () => {
    const create = (job: string) =>
      stand.twirp('pod-1', 'CreateArtifact', { ...ids('r3', job), name: 'a', version: 7 });
    const first = await create('one');
    expect(await create('two')).toMatchObject({ status: 409, body: { code: 'already_exists' } });
    const again = await create('one');
    expect((await fetch(String(first.body.signed_upload_url), { method: 'PUT', body: 'x' })).status).toBe(
      403,
    );
    await put(again.body.signed_upload_url, Buffer.from('xy'));
    const finalize = { ...ids('r3', 'one'), name: 'a', size: 2 };
    const done = await stand.twirp('pod-1', 'FinalizeArtifact', finalize);
    expect(done.status).toBe(200);
    // Said again after a lost answer.
    expect(await stand.twirp('pod-1', 'FinalizeArtifact', finalize)).toEqual(done);
  });

  it('takes blocks in any order and lists them in the list’s', async () => {
    const { body } = await stand.twirp('pod-1', 'CreateArtifact', { ...ids('r4'), name: 'a', version: 7 });
    const url = String(body.signed_upload_url);
    for (const [id, text] of [
      ['b', 'world'],
      ['a', 'hello '],
    ] as const)
      expect((await fetch(`${url}&comp=block&blockid=${id}`, { method: 'PUT', body: text })).status).toBe(
        201,
      );
    const list = '<BlockList><Latest>a</Latest><Latest>b</Latest></BlockList>';
    expect((await fetch(`${url}&comp=blocklist`, { method: 'PUT', body: list })).status).toBe(201);
    await stand.twirp('pod-1', 'FinalizeArtifact', { ...ids('r4'), name: 'a', size: '11' });
    const signed = await stand.twirp('pod-1', 'GetSignedArtifactURL', { ...ids('r4'), name: 'a' });
    expect(await (await fetch(String(signed.body.signed_url))).text()).toBe('hello world');
  });

  it('bounds how long an artifact is kept by the pool, whatever the job says', async () => {
    const expiresAt = new Date(Date.now() + 900 * DAY).toISOString();
    await upload('pod-1', 'r5', 'long', Buffer.from('x'), { expires_at: expiresAt });
    await upload('pod-1', 'r5', 'unsaid', Buffer.from('x'));
    const access = { enabled: true, tenant: 'acme/app', runner: '', maxRetentionDays: 90 };
    const { artifacts } = await stand.artifacts.list(access, { run: 'r5' });
    for (const { createdAt, expiresAt: kept } of artifacts)
      expect((Date.parse(kept) - Date.parse(createdAt)) / DAY).toBeCloseTo(90, 2);
    expect(artifacts).toHaveLength(2);
  });

  it('stops at the quota, in the words that the client knows', async () => {
    expect((await upload('small', 'r', 'a', Buffer.alloc(900))).status).toBe(200);
    const { status, body } = await upload('small', 'r', 'b', Buffer.alloc(200));
    expect(status).toBe(403);
    expect(body).toMatchObject({
      code: 'permission_denied',
      msg: expect.stringContaining('insufficient usage'),
    });
    await stand.twirp('small', 'DeleteArtifact', { ...ids('r'), name: 'a' });
    expect((await upload('small', 'r', 'b', Buffer.alloc(200))).status).toBe(200);
  });

  it('speaks protobuf as the client would', async () => {
    async function call<T>(method: string, request: Uint8Array, read: (bytes: Uint8Array) => T): Promise<T> {
      const answer = await fetch(`${stand.urls['pod-1']}${ARTIFACT_SERVICE}/${method}`, {
        method: 'POST',
        headers: { 'content-type': 'application/protobuf' },
        body: Buffer.from(request),
      });
      expect(answer.headers.get('content-type'), await answer.clone().text()).toBe('application/protobuf');
      return read(new Uint8Array(await answer.arrayBuffer()));
    }
    const run = { workflowRunBackendId: 'r6', workflowJobRunBackendId: 'job' };
    const created = await call(
      'CreateArtifact',
      messages.CreateArtifactRequest.toBinary({
        ...{ ...run, name: 'a', version: 7 },
        mimeType: { value: 'text/plain' },
        expiresAt: { seconds: String(Math.floor(Date.now() / 1000) + 10 * 86_400), nanos: 5 },
      }),
      (bytes) => messages.CreateArtifactResponse.fromBinary(bytes),
    );
    expect(created.ok).toBe(true);
    await put(created.signedUploadUrl, Buffer.from('binary'));
    const hash = { value: `sha256:${createHash('sha256').update('binary').digest('hex')}` };
    const finalized = await call(
      'FinalizeArtifact',
      messages.FinalizeArtifactRequest.toBinary({ ...run, name: 'a', size: '6', hash }),
      (bytes) => messages.FinalizeArtifactResponse.fromBinary(bytes),
    );
    const list = (more: object) =>
      call('ListArtifacts', messages.ListArtifactsRequest.toBinary({ ...run, ...more }), (bytes) =>
        messages.ListArtifactsResponse.fromBinary(bytes),
      );
    const { artifacts } = await list({ idFilter: { value: finalized.artifactId } });
    expect(artifacts).toMatchObject([
      { ...run, databaseId: finalized.artifactId, name: 'a', size: '6', digest: hash },
    ]);
    expect(Number(artifacts[0]?.createdAt?.seconds)).toBeGreaterThan(1_700_000_000);
    expect((await list({ nameFilter: { value: 'b' } })).artifacts).toEqual([]);
    const named = messages.GetSignedArtifactURLRequest.toBinary({ ...run, name: 'a' });
    const { signedUrl } = await call('GetSignedArtifactURL', named, (bytes) =>
      messages.GetSignedArtifactURLResponse.fromBinary(bytes),
    );
    expect(await (await fetch(signedUrl)).text()).toBe('binary');
    const removed = await call('DeleteArtifact', named, (bytes) =>
      messages.DeleteArtifactResponse.fromBinary(bytes),
    );
    expect(removed).toEqual({ ok: true, artifactId: finalized.artifactId });
  });

  const of = ids('rx');
  const named = { ...of, name: 'none' };
  it.each<[string, Caller, string, unknown, number, string]>([
    ['a body that is no JSON', 'pod-1', 'ListArtifacts', '{', 400, 'malformed'],
    ['a body that is no object', 'pod-1', 'ListArtifacts', '[]', 400, 'malformed'],
    ['a field of the wrong type', 'pod-1', 'CreateArtifact', { ...of, name: 7 }, 400, 'malformed'],
    ['no method', 'pod-1', 'MigrateArtifact', {}, 404, 'bad_route'],
    ['no name', 'pod-1', 'CreateArtifact', of, 400, 'invalid_argument'],
    ['a name with a slash', 'pod-1', 'CreateArtifact', { ...of, name: '../a' }, 400, 'invalid_argument'],
    ['a name that is a folder', 'pod-1', 'CreateArtifact', { ...of, name: '..' }, 400, 'invalid_argument'],
    ['a NUL', 'pod-1', 'CreateArtifact', { ...of, name: 'a\0' }, 400, 'invalid_argument'],
    ['a long name', 'pod-1', 'CreateArtifact', { ...of, name: 'x'.repeat(256) }, 400, 'invalid_argument'],
    ['half a character', 'pod-1', 'CreateArtifact', { ...of, name: '\ud800' }, 400, 'invalid_argument'],
    [
      'no job',
      'pod-1',
      'CreateArtifact',
      { workflow_run_backend_id: 'r', name: 'a' },
      400,
      'invalid_argument',
    ],
    [
      'a run with a slash',
      'pod-1',
      'CreateArtifact',
      { ...ids('runner/x'), name: 'a' },
      400,
      'invalid_argument',
    ],
    [
      'another runner’s own run',
      'pod-1',
      'ListArtifacts',
      ids('runner/uid-pod-2/1'),
      400,
      'invalid_argument',
    ],
    [
      ...(['a time that is over', 'pod-1', 'CreateArtifact'] as const),
      { ...of, name: 'a', expires_at: '2020-01-01T00:00:00Z' },
      ...([400, 'invalid_argument'] as const),
    ],
    ['no time', 'pod-1', 'CreateArtifact', { ...of, name: 'a', expires_at: 'soon' }, 400, 'malformed'],
    [
      ...(['a media type with a line break', 'pod-1', 'CreateArtifact'] as const),
      { ...of, name: 'a', mime_type: 'text/plain\r\nx: y' },
      ...([400, 'invalid_argument'] as const),
    ],
    ['an upload nobody began', 'pod-1', 'FinalizeArtifact', { ...named, size: '1' }, 404, 'not_found'],
    ['a negative size', 'pod-1', 'FinalizeArtifact', { ...named, size: '-1' }, 400, 'malformed'],
    [
      'a size above 2^53',
      'pod-1',
      'FinalizeArtifact',
      { ...named, size: '9007199254740993' },
      400,
      'malformed',
    ],
    ['a URL of nothing', 'pod-1', 'GetSignedArtifactURL', named, 404, 'not_found'],
    ['the end of nothing', 'pod-1', 'DeleteArtifact', named, 404, 'not_found'],
    ['an id that is none', 'pod-1', 'ListArtifacts', { ...of, id_filter: 'x' }, 400, 'malformed'],
    ['a pool without artifacts', 'without', 'ListArtifacts', of, 403, 'permission_denied'],
    ['a job without its forge’s word, reading', 'of-jobs', 'ListArtifacts', of, 403, 'permission_denied'],
    ['a job without its forge’s word, writing', 'of-jobs', 'CreateArtifact', named, 403, 'permission_denied'],
    ['a pool without artifacts, writing', 'without', 'CreateArtifact', named, 403, 'permission_denied'],
  ])('refuses %s', async (_, caller, method, body, status, code) => {
    const answer = await stand.twirp(caller, method, body);
    expect(answer).toMatchObject({ status, body: { code, msg: expect.any(String) } });
  });

  it('refuses a finished upload of another size or digest, and frees its name', async () => {
    const create = () => stand.twirp('pod-1', 'CreateArtifact', { ...ids('r7'), name: 'a', version: 7 });
    for (const wrong of [{ size: '3' }, { size: '2', hash: 'md5:0' }]) {
      const created = await create();
      expect(created.status).toBe(200);
      await put(created.body.signed_upload_url, Buffer.from('xy'));
      const answer = await stand.twirp('pod-1', 'FinalizeArtifact', { ...ids('r7'), name: 'a', ...wrong });
      expect(answer).toMatchObject({ status: expect.any(Number), body: { code: 'invalid_argument' } });
    }
    expect(await stand.twirp('pod-1', 'ListArtifacts', ids('r7'))).toMatchObject({ body: { artifacts: [] } });
    expect((await upload('pod-1', 'r7', 'a', Buffer.from('xy'))).status).toBe(200);
  });

  it('refuses at the api what a job could only send past the sidecar', async () => {
    const list = (bearer?: string) =>
      fetch(`${stand.apiUrl}/v1/artifacts?run=r1`, {
        headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
      });
    expect((await list()).status).toBe(401);
    expect((await list('pod-1')).status).toBe(200);
    const forged = await fetch(`${stand.apiUrl}/v1/blobs/artifacts/1?tenant=acme%2Fapp&exp=9999999999&sig=x`);
    expect(forged.status).toBe(403);
  });
});
