import { describe, expect, test } from 'vitest';
import type { Forge } from '../../src/forges/forge.ts';
import { ForgeError } from '../../src/forges/forge_error.ts';
import { recordName, recordPrefix } from '../../src/forges/record_name.ts';
import { joinAnswer } from '../../src/protocol/join.ts';

/** What an adapter is tried against: a forge that nobody else uses meanwhile. */
export interface Subject {
  /** As openForge would make it, for a pool whose runners the forge allows. */
  forge: Forge;
  /** Has that many jobs wait that runners with the label `linux` may take, and one that they may not. */
  queueJobs(count: number): Promise<void>;
  /** Lets the runner with this record connect, as its program would when it starts. */
  connect(id: string): Promise<void>;
  /** More records than stand on one page of the forge's answer. */
  moreThanAPage: number;
  /** The next call gets this in place of an answer. */
  answerNext(answer: { status: number; headers?: Record<string, string>; body: string }): void;
  /** What must not be found in any message. */
  secrets: readonly string[];
}

const POOL = '0d5c3ea0-7c55-4a43-9d5e-2f9e6d1f8a11';
const OTHER_POOL = '1d5c3ea0-7c55-4a43-9d5e-2f9e6d1f8a12';
const PREFIX = recordPrefix('conformance', POOL);
const LABELS = ['linux', 'arm64'];

/** What every forge's adapter does, whatever its forge is like. */
export function conformance(subject: () => Subject): void {
  const forge = () => subject().forge;
  const join = (pod: string, pool = POOL) =>
    forge().join({ name: recordName('conformance', pool, pod), labels: LABELS });
  const removeAll = async (prefix: string) => {
    for (const { id } of await forge().list(prefix)) await forge().remove(id);
  };

  // A real forge takes a while over more records than a page has, the more so on a busy machine.
  describe('what every adapter does', { timeout: 120_000 }, () => {
    test('a runner joins, is listed, connects, is removed, and removed again', async () => {
      const { record, files } = await join('linux-0-aaaaa');
      expect(record.name).toBe(`${PREFIX}linux-0-aaaaa`);
      // What the api will hand out must be what it may.
      expect(joinAnswer.parse({ files }).files).toEqual(files);
      expect(Object.keys(files)).not.toHaveLength(0);

      expect(await forge().list(PREFIX)).toEqual([{ ...record, state: 'Offline' }]);
      await subject().connect(record.id);
      expect(await forge().list(PREFIX)).toEqual([{ ...record, state: 'Idle' }]);

      await forge().remove(record.id);
      await forge().remove(record.id);
      expect(await forge().list(PREFIX)).toEqual([]);
    });

    test('each runner has material of its own', async () => {
      const [one, two] = [await join('linux-0-bbbbb'), await join('linux-1-bbbbb')];
      expect(one.record.id).not.toBe(two.record.id);
      expect(JSON.stringify(one.files)).not.toBe(JSON.stringify(two.files));
      await removeAll(PREFIX);
    });

    test('the records of another pool are not listed', async () => {
      await join('linux-0-ccccc', OTHER_POOL);
      expect(await forge().list(PREFIX)).toEqual([]);
      await removeAll(recordPrefix('conformance', OTHER_POOL));
    });

    test('records of all pages are listed, each once', async () => {
      const names = [];
      for (let index = 0; index < subject().moreThanAPage; index += 1)
        names.push((await join(`linux-${index}-ddddd`)).record.name);
      const listed = await forge().list(PREFIX);
      expect(listed.map(({ name }) => name).sort()).toEqual(names.sort());
      await removeAll(PREFIX);
      expect(await forge().list(PREFIX)).toEqual([]);
    });

    test('jobs are counted that runners with these labels may take', async () => {
      expect(await forge().queued(LABELS)).toBe(0);
      await subject().queueJobs(3);
      expect(await forge().queued(LABELS)).toBe(3);
      expect(await forge().queued(['windows-of-nobody'])).toBe(0);
    });

    test.each([
      ['Unauthorized', { status: 401, body: '{"message":"401 Unauthorized"}' }],
      ['Forbidden', { status: 403, body: '{"message":"403 Forbidden"}' }],
      ['NotFound', { status: 404, body: '{"message":"404 Not Found"}' }],
      ['Refused', { status: 422, body: '{"message":"unprocessable"}' }],
      [
        'Unreadable',
        { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html><p>Sign in' },
      ],
      ['Unreadable', { status: 200, body: '{"something":"else"}' }],
      ['RateLimited', { status: 429, headers: { 'retry-after': '1' }, body: 'Retry later' }],
    ] as const)('a bad answer is told as %s, and nothing of a secret with it', async (reason, answer) => {
      subject().answerNext(answer);
      const error = await forge()
        .list(PREFIX)
        .then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
      expect(error).toBeInstanceOf(ForgeError);
      expect((error as ForgeError).reason).toBe(reason);
      for (const secret of subject().secrets) expect((error as ForgeError).message).not.toContain(secret);
      // What came to nothing must not stand in the way of what comes next.
      if (reason === 'RateLimited') await new Promise((resolve) => setTimeout(resolve, 1100));
      expect(await forge().list(PREFIX)).toEqual([]);
    });
  });
}
