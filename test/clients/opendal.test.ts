import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POD_TOKEN, type Stand, startStand } from '../sidecar/stand.ts';
import { BUILD_TIMEOUT, clientProgram, whyNot } from './build_client.ts';
import { runClient } from './client_run.ts';

const reason = whyNot('rust');
const APIS = {
  'v2, in protobuf': {},
  'v1, for a server that is not GitHub': { GITHUB_SERVER_URL: 'https://git.example.com' },
};
const MIB = 1024 * 1024;

describe.skipIf(reason !== undefined)(`OpenDAL's ghac service${reason ? ` (${reason})` : ''}`, () => {
  let stand: Stand;
  let folder: string;
  let program: string;
  beforeAll(async () => {
    program = await clientProgram('rust');
    stand = await startStand();
    folder = await mkdtemp(join(tmpdir(), 'harrier-rust-client-'));
  }, BUILD_TIMEOUT);
  afterAll(async () => {
    await stand?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const ask = (env: Record<string, string>, ...words: (string | number)[]) =>
    runClient(program, stand.url, words.map(String), env);

  describe.each(Object.entries(APIS))('by %s', (api, env) => {
    const key = (name: string) => `${api.slice(0, 2)}/objects/${name}`;
    const target = () => join(folder, 'target');
    const write = async (name: string, bytes: Buffer, chunk: number, concurrent: number) => {
      await writeFile(join(folder, 'source'), bytes);
      return ask(env, 'write', key(name), join(folder, 'source'), chunk, concurrent);
    };

    it.each([
      // sccache writes an object at once; larger ones go in chunks, whose ids are UUIDs.
      ['at once', 100_000, MIB, 1],
      ['in chunks', 5 * MIB + 77, MIB, 1],
    ])(
      'writes %s, finds its size, and reads it whole and in part',
      { timeout: 120_000 },
      async (how, size, chunk, concurrent) => {
        const bytes = randomBytes(size);
        expect(await write(how, bytes, chunk, concurrent)).toMatchObject({ ok: true, bytes: size });
        expect(await ask(env, 'read', key(how), target())).toMatchObject({ ok: true, bytes: size });
        expect((await readFile(target())).equals(bytes)).toBe(true);
        for (const [start, end] of [
          [0, 1],
          [size - 3, size],
          [1000, 70_000],
        ] as const) {
          expect(await ask(env, 'read', key(how), target(), start, end)).toMatchObject({
            bytes: end - start,
          });
          expect((await readFile(target())).equals(bytes.subarray(start, end))).toBe(true);
        }
        expect(await ask(env, 'stat', key(how))).toMatchObject({ ok: true, bytes: size });
      },
    );

    it('knows what is not there, and what is there already', { timeout: 60_000 }, async () => {
      for (const verb of [['stat'], ['read', target()]] as const) {
        const [operation, ...rest] = verb;
        expect(await ask(env, operation, key('absent'), ...rest)).toMatchObject({
          ok: false,
          kind: 'NotFound',
        });
      }
      expect(await write('twice', Buffer.from('first'), MIB, 1)).toMatchObject({ ok: true });
      expect(await write('twice', Buffer.from('second'), MIB, 1)).toMatchObject({
        ok: false,
        kind: 'AlreadyExists',
      });
      await ask(env, 'read', key('twice'), target());
      expect((await readFile(target())).toString()).toBe('first');
    });

    it('neither lists nor deletes, and says so', { timeout: 60_000 }, async () => {
      await write('kept', Buffer.from('kept'), MIB, 1);
      expect(await ask(env, 'list')).toMatchObject({ ok: false, kind: 'Unsupported' });
      expect(await ask(env, 'delete', key('kept'))).toMatchObject({ ok: false, kind: 'Unsupported' });
      expect(await ask(env, 'stat', key('kept'))).toMatchObject({ ok: true });
    });

    it('is told that it may not write', { timeout: 60_000 }, async () => {
      const access = stand.callers[POD_TOKEN];
      if (access === undefined) throw new Error('the stand has no caller');
      try {
        stand.callers[POD_TOKEN] = { ...access, scopes: [{ name: 'refs/heads/main', permission: 'Read' }] };
        const { ok, said } = await write('denied', Buffer.from('x'), MIB, 1);
        expect(ok).toBe(false);
        expect(said).not.toContain('panicked');
      } finally {
        stand.callers[POD_TOKEN] = access;
      }
    });
  });

  it('writes chunks at once by v2, which arrive in any order', { timeout: 120_000 }, async () => {
    const bytes = randomBytes(12 * MIB + 5);
    await writeFile(join(folder, 'parallel'), bytes);
    expect(await ask({}, 'write', 'parallel', join(folder, 'parallel'), MIB, 8)).toMatchObject({ ok: true });
    await ask({}, 'read', 'parallel', join(folder, 'parallel-read'));
    expect((await readFile(join(folder, 'parallel-read'))).equals(bytes)).toBe(true);
  });
});
