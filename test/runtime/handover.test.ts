import { expect, it, vi } from 'vitest';
import { createHandover } from '../../src/controller/handover.ts';
import type { Secret } from '../../src/kube/kinds.ts';
import type { KubeClient, Manifest, StoreChange } from '../../src/kube/types.ts';
import { HANDOVER_SECRET } from '../../src/resources/group.ts';
import { followHandover } from '../../src/runtime/handover.ts';

/** For what comes, in ms: not to be reached by a pause of the machine. */
const LONG = 15_000;

/** The controller's end and the api's, with an apiserver between them that keeps one Secret and tells of each version. */
function bothEnds({ fail = () => false }: { fail?: () => boolean } = {}) {
  let listener: (change: StoreChange<Secret>) => void = () => undefined;
  const versions: Manifest[] = [];
  const apply = async (_kind: unknown, manifest: Manifest) => {
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (fail()) throw new Error('no apiserver');
    versions.push(manifest);
    listener({ type: 'set', object: manifest as unknown as Secret });
    return manifest;
  };
  const handover = createHandover({ client: { apply } as unknown as KubeClient, namespace: 'harrier' });
  const taking = followHandover({
    onChange: (given) => {
      listener = given;
    },
  });
  return { handover, taking, versions };
}

it('hands each asker what was put for it, whoever is first', async () => {
  const { handover, taking } = bothEnds();
  const waiting = taking.take('uid-a', 'r1', LONG);
  await handover.put('uid-b', 'r1', { token: 'b' });
  await handover.put('uid-a', 'r1', { token: 'a' });
  expect(await waiting).toEqual({ token: 'a' });
  expect(await taking.take('uid-b', 'r1', LONG)).toEqual({ token: 'b' });
});

it('gives nothing twice, and nothing to who asks for something else', async () => {
  const { handover, taking } = bothEnds();
  await handover.put('uid-a', 'r1', { token: 'a' });
  expect(await taking.take('uid-a', 'r2', 10)).toBeUndefined();
  expect(await taking.take('uid-a', 'r1', 10)).toEqual({ token: 'a' });
  expect(await taking.take('uid-a', 'r1', 10)).toBeUndefined();
});

it('writes together what comes together, and empties the Secret afterwards', async () => {
  const { handover, taking, versions } = bothEnds();
  const asked = Array.from({ length: 450 }, (_, index) => taking.take(`uid-${index}`, 'first', LONG));
  await Promise.all(asked.map((_, index) => handover.put(`uid-${index}`, 'first', { token: `t${index}` })));
  expect(await Promise.all(asked)).toEqual(asked.map((_, index) => ({ token: `t${index}` })));
  expect(versions.length).toBeLessThan(6);
  await vi.waitFor(() => expect(versions.at(-1)?.data).toEqual({}), LONG);
  for (const one of versions) expect(one.metadata.name).toBe(HANDOVER_SECRET);
});

it('writes no more at once than a Secret may hold', async () => {
  const { handover, taking, versions } = bothEnds();
  const large = 'x'.repeat(100_000);
  const asked = Array.from({ length: 30 }, (_, index) => taking.take(`uid-${index}`, 'r', LONG));
  await Promise.all(asked.map((_, index) => handover.put(`uid-${index}`, 'r', { join: `${index}${large}` })));
  expect(await Promise.all(asked)).toEqual(asked.map((_, index) => ({ join: `${index}${large}` })));
  const sizes = versions.map(({ data }) =>
    Object.values(data as Record<string, string>).reduce((sum, one) => sum + one.length, 0),
  );
  expect(Math.max(...sizes)).toBeLessThan(1024 * 1024);
});

it('tells who put something that it could not be written, and goes on with the next', async () => {
  let broken = true;
  const { handover, taking } = bothEnds({ fail: () => broken });
  await expect(handover.put('uid-a', 'r1', { token: 'a' })).rejects.toThrow('no apiserver');
  broken = false;
  await handover.put('uid-a', 'r2', { token: 'a' });
  expect(await taking.take('uid-a', 'r2', LONG)).toEqual({ token: 'a' });
});
