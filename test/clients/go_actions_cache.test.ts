import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POD_TOKEN, type Stand, startStand } from '../sidecar/stand.ts';
import { BUILD_TIMEOUT, clientProgram, whyNot } from './build_client.ts';
import { runClient } from './client_run.ts';

const reason = whyNot('go');
const APIS = { v1: { ACTIONS_CACHE_API_FORCE_VERSION: 'v1' }, v2: { ACTIONS_CACHE_API_FORCE_VERSION: 'v2' } };
const MIB = 1024 * 1024;

describe.skipIf(reason !== undefined)(`BuildKit's go-actions-cache${reason ? ` (${reason})` : ''}`, () => {
  let stand: Stand;
  let folder: string;
  let program: string;
  beforeAll(async () => {
    program = await clientProgram('go');
    stand = await startStand();
    folder = await mkdtemp(join(tmpdir(), 'harrier-go-client-'));
  }, BUILD_TIMEOUT);
  afterAll(async () => {
    await stand?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const file = async (name: string, bytes: Buffer) => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  const ask = (env: Record<string, string>, ...words: string[]) => runClient(program, stand.url, words, env);
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  const parts = (since: number) => stand.seen.slice(since).filter(({ method }) => method === 'PUT').length;

  describe.each(Object.entries(APIS))('by %s', (api, env) => {
    it.each([
      ['nothing to speak of', 3],
      ['one block and a bit', MIB + 1],
      ['many blocks', 40 * MIB + 12_345],
    ])('saves and loads %s', { timeout: 180_000 }, async (what, size) => {
      const bytes = randomBytes(size);
      const key = `${api} ${what}`;
      const before = stand.seen.length;
      expect(await ask(env, 'save', key, await file(`${api}-saved`, bytes))).toMatchObject({ ok: true });
      // Blocks of 1 MiB, as the Azure SDK streams them; chunks of 32 MiB in v1.
      expect(parts(before)).toBe(Math.ceil(size / (api === 'v2' ? MIB : 32 * MIB)));
      const target = join(folder, `${api}-loaded`);
      expect(await ask(env, 'load', target, key)).toMatchObject({ ok: true, key });
      expect(sha256(await readFile(target))).toBe(sha256(bytes));
    });

    it('finds the newest by a prefix, the exact key first, and misses', { timeout: 60_000 }, async () => {
      const layer = await file(`${api}-layer`, Buffer.from('layer'));
      for (const key of [`${api}-index#1`, `${api}-index#2`]) await ask(env, 'save', key, layer);
      const target = join(folder, `${api}-found`);
      expect(await ask(env, 'load', target, `${api}-index#`)).toMatchObject({ key: `${api}-index#2` });
      expect(await ask(env, 'load', target, `${api}-none`, `${api}-index#1`)).toMatchObject({
        key: `${api}-index#1`,
      });
      expect(await ask(env, 'load', target, `${api}-none`)).toMatchObject({ ok: false, kind: 'miss' });
    });

    it('sees that a key exists, of many that save it at once all but one', { timeout: 120_000 }, async () => {
      const layers = await Promise.all(
        Array.from({ length: 6 }, (_, n) => file(`${api}-racer-${n}`, Buffer.from(`layer of ${n}`))),
      );
      const outcomes = await Promise.all(layers.map((layer) => ask(env, 'save', `${api}-race`, layer)));
      expect(outcomes.map(({ ok, kind }) => (ok ? 'saved' : kind)).sort()).toEqual(
        ['exists', 'exists', 'exists', 'exists', 'exists', 'saved'].sort(),
      );
      const winner = outcomes.findIndex(({ ok }) => ok);
      const target = join(folder, `${api}-raced`);
      await ask(env, 'load', target, `${api}-race`);
      expect((await readFile(target)).toString()).toBe(`layer of ${winner}`);
      expect(await ask(env, 'save', `${api}-race`, layers[0] ?? '')).toMatchObject({ kind: 'exists' });
    });

    it('is told that it may not write', { timeout: 60_000 }, async () => {
      const access = stand.callers[POD_TOKEN];
      if (access === undefined) throw new Error('the stand has no caller');
      try {
        stand.callers[POD_TOKEN] = { ...access, scopes: [{ name: 'refs/heads/main', permission: 'Read' }] };
        const layer = await file(`${api}-denied`, Buffer.from('layer'));
        expect(await ask(env, 'save', `${api}-denied`, layer)).toMatchObject({ ok: false, kind: 'error' });
      } finally {
        stand.callers[POD_TOKEN] = access;
      }
    });
  });

  it('loads by one protocol what the other saved', { timeout: 60_000 }, async () => {
    const layer = await file('both', Buffer.from('layer'));
    await ask(APIS.v1, 'save', 'both', layer);
    expect(await ask(APIS.v2, 'load', join(folder, 'both-loaded'), 'both')).toMatchObject({ key: 'both' });
    expect((await readFile(join(folder, 'both-loaded'))).toString()).toBe('layer');
  });
});
