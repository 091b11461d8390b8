import { readdir } from 'node:fs/promises';
import { expect } from 'vitest';
import { POD_TOKEN, type Stand, save } from './stand.ts';

/** What the tests of hostile input ask of a stand, all in the same version. */
export const V = 'abc123';
export const FIVE = Buffer.from('12345');
export const AS_POD = { authorization: `Bearer ${POD_TOKEN}`, 'content-type': 'application/json' };

/** Asks as a job does, and expects what every job may. */
export function asJob(standOf: () => Stand) {
  async function openUpload(key: string): Promise<string> {
    const { status, body } = await standOf().twirp('CreateCacheEntry', { key, version: V });
    expect(status).toBe(200);
    return String(body.signed_upload_url);
  }

  async function lookup(key: string): Promise<Record<string, unknown>> {
    const { status, body } = await standOf().twirp('GetCacheEntryDownloadURL', { key, version: V });
    expect(status).toBe(200);
    return body;
  }

  async function restored(key: string): Promise<string> {
    const { ok, matched_key, signed_download_url } = await lookup(key);
    expect([ok, matched_key]).toEqual([true, key]);
    return (await fetch(String(signed_download_url))).text();
  }

  /** Whoever did harm, the next one is served as before. */
  async function expectWork(): Promise<void> {
    const key = `good-${Math.random()}`;
    expect((await save(standOf(), key, V, FIVE)).body.ok).toBe(true);
    expect(await restored(key)).toBe('12345');
  }

  /** Names of all files of the store. */
  async function files(): Promise<string[]> {
    const entries = await readdir(standOf().dataDir, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  return { openUpload, lookup, restored, expectWork, files };
}
