import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RUNTIME_TOKEN_PLACEHOLDER } from '../../src/controller/pool/runner_environment.ts';
import type { Step } from './actions_artifact_job.ts';
import { type ArtifactStand, type Caller, startArtifactStand } from './stand.ts';

const JOB = fileURLToPath(new URL('actions_artifact_job.ts', import.meta.url));
const DAY = 24 * 3600_000;

let stand: ArtifactStand;
let workspace: string;
let root: string;
let files: string[];
beforeAll(async () => {
  stand = await startArtifactStand();
  workspace = await mkdtemp(join(tmpdir(), 'harrier-artifact-job-'));
  root = join(workspace, 'out');
  await mkdir(join(root, 'deep', 'er'), { recursive: true });
  files = ['a.bin', 'deep/er/b.txt', 'ümläut.txt'].map((name) => join(root, name));
  // More than one of the 8 MiB blocks that the client streams the zip in, and nothing that a zip makes small.
  await writeFile(files[0] ?? '', randomBytes(20 * 1024 * 1024));
  for (const path of files.slice(1)) await writeFile(path, `what is in ${path}`);
});
afterAll(async () => {
  await stand.close();
  await rm(workspace, { recursive: true, force: true });
});

/** A job's token as a program that knows its run would make it: the ids, signed by nobody. */
function tokenOf(run: string, job: string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ scp: `Actions.Other Actions.Results:${run}:${job}` })}.`;
}

/** Runs the steps as a job in the caller's pod would. */
function job(caller: Caller, token: string, steps: Step[]): Promise<{ results: unknown[]; log: string }> {
  const child = spawn(process.execPath, [JOB, JSON.stringify(steps)], {
    cwd: workspace,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: workspace,
      ACTIONS_RESULTS_URL: `${stand.urls[caller]}/`,
      ACTIONS_RUNTIME_TOKEN: token,
      GITHUB_WORKSPACE: workspace,
      RUNNER_TEMP: workspace,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      log += chunk;
    });
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code !== 0) return reject(new Error(`the job ended with ${code}:\n${log.slice(-4000)}`));
      resolve({ results: JSON.parse(log.trimEnd().split('\n').at(-1) ?? '') as unknown[], log });
    });
  });
}

async function contents(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const found = names.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  const read = found
    .sort()
    .map(async (path) => [path.slice(folder.length + 1), (await readFile(path)).toString('latin1')]);
  return Object.fromEntries(await Promise.all(read));
}

interface Uploaded {
  id: number;
  size: number;
  digest: string;
}

describe('the unmodified @actions/artifact', { timeout: 120_000 }, () => {
  it('uploads a folder in one pod, and lists and downloads it in another of the same run', async () => {
    const uploading = await job('pod-1', tokenOf('run-1', 'build'), [
      { do: 'upload', name: 'dist', files, root },
    ]);
    const [uploaded] = uploading.results as Uploaded[];
    expect(uploaded?.id, uploading.log.slice(-3000)).toBeGreaterThan(0);
    expect(uploaded?.size).toBeGreaterThan(20 * 1024 * 1024);
    const digest = `sha256:${uploaded?.digest}`;

    const to = join(workspace, 'down');
    const { results, log } = await job('pod-2', tokenOf('run-1', 'test'), [
      { do: 'list' },
      { do: 'get', name: 'dist' },
      { do: 'download', id: uploaded?.id ?? 0, to, expectedHash: digest },
      { do: 'download', id: uploaded?.id ?? 0, to, expectedHash: `sha256:${'0'.repeat(64)}` },
    ]);
    const seen = { name: 'dist', id: uploaded?.id, size: uploaded?.size, digest };
    expect(results[0], log.slice(-3000)).toMatchObject([seen]);
    expect(results[1]).toMatchObject(seen);
    expect(results[2]).toEqual({ downloadPath: to, digestMismatch: false });
    expect(results[3]).toMatchObject({ digestMismatch: true });
    expect(await contents(to)).toEqual(await contents(root));
  });

  it('shows it to no other run and to no other repository', async () => {
    for (const [caller, run] of [
      ['pod-2', 'run-2'],
      ['stranger', 'run-1'],
    ] as const) {
      const { results } = await job(caller, tokenOf(run, 'test'), [
        { do: 'list' },
        { do: 'download', id: 1, to: join(workspace, 'nowhere') },
        { do: 'delete', name: 'dist' },
      ]);
      expect(results[0]).toEqual([]);
      expect(results[1]).toMatchObject({ error: expect.stringContaining('No artifacts found for ID: 1') });
      expect(results[2]).toMatchObject({ error: expect.stringContaining('Artifact not found') });
    }
  });

  it('is told of a name that is taken, and has it again once it is deleted', async () => {
    const small = { files: files.slice(1), root };
    const { results } = await job('pod-1', tokenOf('run-3', 'a'), [
      { do: 'upload', name: 'logs', ...small },
      { do: 'upload', name: 'logs', ...small },
      { do: 'delete', name: 'logs' },
      { do: 'list' },
      { do: 'upload', name: 'logs', ...small },
    ]);
    const [first, conflict, deleted, none, again] = results as (Uploaded & { error: string })[];
    expect(conflict?.error).toContain('(409) Conflict');
    expect(conflict?.error).toContain('An artifact with this name exists');
    expect(deleted).toEqual({ id: first?.id });
    expect(none).toEqual([]);
    expect(again?.id).toBeGreaterThan(first?.id ?? 0);
  });

  it('sends and gets a single file as it is', async () => {
    const [, , file = ''] = files;
    const { results } = await job('pod-1', tokenOf('run-4', 'a'), [
      { do: 'upload', name: 'ignored', files: [file], root, raw: true },
      { do: 'list' },
    ]);
    const [uploaded] = results as Uploaded[];
    expect(results[1]).toMatchObject([{ name: 'ümläut.txt' }]);
    const to = join(workspace, 'raw');
    const { results: got } = await job('pod-1', tokenOf('run-4', 'b'), [
      { do: 'download', id: uploaded?.id ?? 0, to, expectedHash: `sha256:${uploaded?.digest}` },
    ]);
    expect(got).toMatchObject([{ digestMismatch: false }]);
    expect(await readFile(join(to, 'ümläut.txt'), 'utf8')).toBe(await readFile(file, 'utf8'));
  });

  it('of runners whose jobs name no run keeps each to itself', async () => {
    const step = { do: 'upload', name: 'dist', files: files.slice(1), root } as const;
    const one = await job('pod-1', RUNTIME_TOKEN_PLACEHOLDER, [step, { do: 'list' }]);
    const two = await job('pod-2', RUNTIME_TOKEN_PLACEHOLDER, [{ do: 'list' }, step]);
    expect(one.results[1]).toHaveLength(1);
    expect(two.results[0]).toEqual([]);
    expect(two.results[1]).toMatchObject({ id: expect.any(Number) });
  });

  it('loses sight of what has expired; then its bytes go', async () => {
    const { results } = await job('pod-1', tokenOf('run-5', 'a'), [
      { do: 'upload', name: 'short', files: files.slice(1), root, retentionDays: 2 },
      { do: 'upload', name: 'long', files: files.slice(1), root },
    ]);
    expect(results).toHaveLength(2);
    const blobs = async () =>
      Object.keys(await contents(join(stand.dataDir, 'blobs'))).filter((path) => !path.endsWith('.part'));
    const before = await blobs();
    const { artifacts: had } = await stand.artifacts.total();
    // A day of summer time may be an hour longer.
    stand.advance(2 * DAY + 3600_000);
    const after = await job('pod-1', tokenOf('run-5', 'b'), [{ do: 'list' }]);
    expect(after.results[0]).toMatchObject([{ name: 'long' }]);
    // By this sweep or by the one of each minute, which may have come first and still be at the bytes.
    await stand.artifacts.sweep();
    expect((await stand.artifacts.total()).artifacts).toBe(had - 1);
    await expect.poll(blobs, { timeout: 20_000 }).toHaveLength(before.length - 1);
    stand.advance(90 * DAY);
    await stand.artifacts.sweep();
    await expect.poll(blobs, { timeout: 20_000 }).toEqual([]);
    expect(await stand.artifacts.total()).toEqual({ artifacts: 0, sizeBytes: 0 });
  });
});
