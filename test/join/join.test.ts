import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CANARY, gives, inTurn, refuses, startJoinStand } from '../sidecar/join/stand.ts';
import { prepareSidecar } from '../sidecar/sidecar_process.ts';
import { serve } from '../sidecar/stand.ts';
import { prepareJoin, RUNNER_USER, runJoin } from './join_process.ts';

let sidecars: Awaited<ReturnType<typeof prepareSidecar>>;
let prepared: Awaited<ReturnType<typeof prepareJoin>>;
beforeAll(async () => {
  [sidecars, prepared] = await Promise.all([prepareSidecar('token-of-the-pod'), prepareJoin()]);
});
afterAll(() => Promise.all([sidecars.remove(), prepared.remove()]));

/** Runs it before a server of the test's own in the sidecar's place. */
async function joinBefore(handler: Parameters<typeof serve>[0], folder: string, seconds?: number) {
  const { url, close } = await serve(handler);
  try {
    return await runJoin(prepared.bundle, { url, folder, ...(seconds === undefined ? {} : { seconds }) });
  } finally {
    close();
  }
}
const givesFiles = (files: unknown) => (_: unknown, response: import('node:http').ServerResponse) =>
  void response.end(JSON.stringify({ files }));

describe('harrier join', () => {
  it('writes what the sidecar has for the runner’s user alone, and says nothing of it', async () => {
    const folder = await prepared.folder();
    const stand = await startJoinStand(sidecars, folder, inTurn(refuses(503, 'unavailable'), gives));
    try {
      const { code, stdout, stderr } = await runJoin(prepared.bundle, { url: stand.sidecar.url, folder });
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).not.toContain(CANARY);
      expect(await readFile(join(folder, 'runner.json'), 'utf8')).toBe(CANARY);
      const { mode, uid } = await stat(join(folder, 'runner.json'));
      expect([(mode & 0o777).toString(8), uid]).toEqual(['400', RUNNER_USER]);
      const again = await runJoin(prepared.bundle, { url: stand.sidecar.url, folder });
      expect([again.code, again.stderr]).toEqual([
        1,
        expect.stringMatching(/^harrier join: join-handed-out: .+\n$/),
      ]);
    } finally {
      await stand.stop();
    }
  });

  it('ends with the api’s reason where there is nothing for it', async () => {
    const { code, stderr } = await joinBefore(
      refuses(403, 'join-not-held', 'not this pod'),
      await prepared.folder(),
    );
    expect([code, stderr]).toEqual([1, 'harrier join: join-not-held: not this pod\n']);
  });

  it('waits no longer than it may, and says what for', async () => {
    const { code, stderr } = await joinBefore(
      refuses(503, 'unavailable', 'RateLimited'),
      await prepared.folder(),
      // Enough for an answer on a machine that stands still for a while.
      5,
    );
    expect([code, stderr]).toEqual([1, 'harrier join: nothing within 5 s: unavailable: RateLimited\n']);
  });

  it('waits for a sidecar that is being restarted', async () => {
    const { url, close } = await serve(() => {});
    close();
    const folder = await prepared.folder();
    const joined = runJoin(prepared.bundle, { url, folder });
    await sleep(1000);
    const back = createServer(gives).listen(Number(new URL(url).port), '127.0.0.1');
    expect((await joined).code).toBe(0);
    back.closeAllConnections();
    back.close();
    expect(await readdir(folder)).toEqual(['runner.json']);
  });

  it('says that there is no sidecar', async () => {
    const { url, close } = await serve(() => {});
    close();
    const { code, stderr } = await runJoin(prepared.bundle, {
      url,
      folder: await prepared.folder(),
      seconds: 1,
    });
    expect([code, stderr]).toEqual([1, 'harrier join: nothing within 1 s: the sidecar did not answer\n']);
  });

  it('overwrites nothing, and goes through no link', async () => {
    const folder = await prepared.folder();
    const mine = join(folder, 'runner.json');
    await writeFile(mine, 'there before');
    await chmod(mine, 0o666);
    const { code, stderr } = await joinBefore(gives, folder);
    expect([code, stderr]).toEqual([1, expect.stringContaining('EEXIST')]);
    expect(stderr).not.toContain(CANARY);
    expect(await readFile(mine, 'utf8')).toBe('there before');
  });

  it.each([
    ['leads out of the folder', { '../out': 'x' }],
    ['is hidden', { '.profile': 'x' }],
    ['has no text', { a: 1 }],
  ])('takes no file that %s', async (_, files) => {
    const folder = await prepared.folder();
    const { code, stderr } = await joinBefore(givesFiles(files), folder);
    expect([code, stderr]).toEqual([1, 'harrier join: the sidecar gave no files that could be written\n']);
    expect(await readdir(folder)).toEqual([]);
  });

  it('quotes nothing of an answer that it can’t read', async () => {
    const { code, stderr } = await joinBefore(
      (_, response) => void response.end(CANARY),
      await prepared.folder(),
    );
    expect([code, stderr]).toEqual([1, 'harrier join: the sidecar gave no files that could be written\n']);
  });

  it('does not ask again when the answer broke off: it may have been the only one', async () => {
    let asked = 0;
    const { code, stderr } = await joinBefore(
      (_, response) => {
        asked += 1;
        response.writeHead(200, { 'content-length': 100 }).write(CANARY, () => response.destroy());
      },
      await prepared.folder(),
    );
    expect([code, stderr, asked]).toEqual([1, 'harrier join: the answer of the sidecar broke off\n', 1]);
  });
});
