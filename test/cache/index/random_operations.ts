import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CacheIndex, Owner, Part } from '../../../src/cache/index/index.ts';
import { probes } from '../../../src/cache/lookup.ts';
import { PlainIndex } from './plain_index.ts';

/** What an operation is run on: the real index or the plain one. Ids of entries differ, so each knows its own. */
interface Side {
  readonly index: CacheIndex;
  /** By the number of the upload that became the entry. */
  readonly entries: Map<number, string>;
}
type Operation = (side: Side, now: number) => Promise<unknown>;

const tenant = fc.constantFrom('acme/app', 'acme/app2', 'acme');
const pool = fc.constantFrom('ns/p1', 'ns/p2');
const scope = fc.constantFrom('main', 'pr');
const version = fc.constantFrom('a', 'b');
const key = fc.string({
  unit: fc.constantFrom('a', 'b', '%', '_', 'é', 'e\u0301', '../', '🦅'),
  minLength: 1,
  maxLength: 3,
});
const UPLOADS = 12;
const upload = fc.nat(UPLOADS - 1);
const uploadId = (number: number) => `upload-${number}`;
const owner: fc.Arbitrary<Owner> = fc.record({ tenant, pool }, { requiredKeys: [] });
const limit = fc.integer({ min: 1, max: 5 });
const time = fc.integer({ min: -100_000, max: 100_000 });
const part: fc.Arbitrary<Part> = fc.record(
  {
    number: fc.integer({ min: 1, max: 3 }),
    blob: fc.constantFrom('b1', 'b2'),
    sizeBytes: fc.integer({ min: 1, max: 9 }),
    crc32: fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1),
    mark: fc.constantFrom('', '"etag"'),
  },
  { requiredKeys: ['number', 'blob', 'sizeBytes'] },
);

/** A blob is one upload's alone, as uploads name theirs by UUIDs. */
const own = (parts: readonly Part[], number: number) =>
  parts.map((one) => ({ ...one, blob: `${one.blob}-${one.number}-of-${number}` }));
const idOf = ({ entries }: Side, number: number) => entries.get(number) ?? '0';

const saves = [
  fc.record({ number: upload, tenant, scope, key, version, pool, creationsPerMinute: fc.option(limit) }).map(
    ({ number, tenant, creationsPerMinute, ...asked }): Operation =>
      async ({ index, entries }, now) => {
        // Uploads are named by UUIDs: a name never comes twice.
        const known = entries.get(number) ?? (await index.upload(tenant, uploadId(number)));
        if (known !== undefined || entries.has(-1 - number)) return 'used';
        const rate = creationsPerMinute === null ? {} : { creationsPerMinute };
        const reserved = await index.reserve(tenant, { uploadId: uploadId(number), ...asked, ...rate, now });
        if (reserved.outcome === 'reserved') entries.set(-1 - number, 'used');
        return reserved;
      },
  ),
  fc.tuple(tenant, upload, fc.array(part, { minLength: 1, maxLength: 3 })).map(
    ([tenant, number, parts]): Operation =>
      (side, now) =>
        side.index.addParts(tenant, uploadId(number), own(parts, number), now),
  ),
  fc.tuple(tenant, upload, fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 })).map(
    ([tenant, number, order]): Operation =>
      async ({ index, entries }, now) => {
        const parts = await index.parts(tenant, uploadId(number));
        const chosen = order.flatMap((wanted) => parts.find((one) => one.number === wanted) ?? []);
        if (chosen.length === 0) return parts;
        const done = await index.commit(tenant, uploadId(number), chosen, now);
        if (done !== undefined) entries.set(number, done.entry.id);
        return done;
      },
  ),
];

const ends = [
  fc.tuple(tenant, upload).map(
    ([tenant, number]): Operation =>
      ({ index }) =>
        index.release(tenant, uploadId(number)),
  ),
  fc.tuple(tenant, fc.array(upload, { maxLength: 4 })).map(
    ([tenant, numbers]): Operation =>
      (side) =>
        side.index.remove(
          tenant,
          numbers.map((number) => idOf(side, number)),
        ),
  ),
  fc.tuple(tenant, upload).map(
    ([tenant, number]): Operation =>
      (side, now) =>
        side.index.quarantine(tenant, idOf(side, number), `bytes of ${number}`, now),
  ),
  fc.nat(100_000).map(
    (ago): Operation =>
      ({ index }, now) =>
        index.releaseAbandoned(now - ago),
  ),
  time.map(
    (ago): Operation =>
      ({ index }, now) =>
        index.dropQuarantined(now - ago),
  ),
  fc.constant<Operation>(({ index }) => index.dropUndurable()),
];

const notes = [
  fc
    .tuple(
      upload,
      fc.uniqueArray(part, { maxLength: 2, selector: ({ number, blob }) => `${number} ${blob}` }),
    )
    .map(
      ([number, parts]): Operation =>
        (side) =>
          side.index.remark(
            idOf(side, number),
            own(parts, number).map(({ number: _number, ...stored }) => stored),
          ),
    ),
  fc.tuple(tenant, upload, time).map(
    ([tenant, number, ahead]): Operation =>
      (side, now) =>
        side.index.touch([{ tenant, entryId: idOf(side, number), at: now + ahead }]),
  ),
  upload.map(
    (number): Operation =>
      (side) =>
        side.index.markDurable([idOf(side, number)]),
  ),
];

const order = fc.record({
  by: fc.constantFrom('createdAt' as const, 'lastUsedAt' as const, 'sizeBytes' as const),
  descending: fc.boolean(),
});
const questions = [
  fc.tuple(fc.option(upload), limit).map(
    ([number, limit]): Operation =>
      (side) =>
        side.index.after(number === null ? '0' : idOf(side, number), limit),
  ),
  fc
    .tuple(
      tenant,
      version,
      fc.uniqueArray(scope, { minLength: 1 }),
      fc.array(key, { minLength: 1, maxLength: 3 }),
    )
    .map(
      ([tenant, version, scopes, keys]): Operation =>
        ({ index }) =>
          index.find(tenant, version, probes(scopes, keys)),
    ),
  fc.tuple(tenant, fc.uniqueArray(scope), fc.oneof(fc.constant(''), key), limit).map(
    ([tenant, scopes, prefix, limit]): Operation =>
      ({ index }) =>
        index.list(tenant, scopes, prefix, limit),
  ),
  fc.tuple(tenant, upload).map(
    ([tenant, number]): Operation =>
      (side) =>
        side.index.content(tenant, idOf(side, number)),
  ),
  fc.tuple(tenant, upload).map(
    ([tenant, number]): Operation =>
      ({ index }) =>
        index.upload(tenant, uploadId(number)),
  ),
  owner.map(
    (of): Operation =>
      ({ index }) =>
        index.usage(of),
  ),
  fc.constant<Operation>(({ index }) => index.usages()),
  fc
    .tuple(
      owner,
      fc.record({ key: fc.oneof(fc.constant(''), key), scope, version }, { requiredKeys: [] }),
      order,
      fc.nat(3),
      limit,
    )
    .map(
      (asked): Operation =>
        ({ index }) =>
          index.page(...asked),
    ),
  fc.tuple(owner, limit).map(
    ([of, limit]): Operation =>
      ({ index }) =>
        index.leastRecentlyUsed(of, limit),
  ),
  fc.tuple(owner, time, limit).map(
    ([of, ago, limit]): Operation =>
      ({ index }, now) =>
        index.unusedSince(of, now - ago, limit),
  ),
  fc.constant<Operation>(({ index }) => index.undurable()),
  limit.map(
    (limit): Operation =>
      ({ index }) =>
        index.quarantined(limit),
  ),
  upload.map(
    (number): Operation =>
      ({ index }) =>
        index.namedBlobs(
          [1, 2, 3].flatMap((part) => ['b1', 'b2'].map((blob) => `${blob}-${part}-of-${number}`)),
        ),
  ),
];

const operation = fc.oneof(
  { arbitrary: fc.oneof(...saves), weight: 8 },
  { arbitrary: fc.oneof(...ends), weight: 2 },
  { arbitrary: fc.oneof(...notes), weight: 2 },
  { arbitrary: fc.oneof(...questions), weight: 6 },
);
/** Mostly forward, as clocks go; sometimes back. */
const step = fc.oneof(
  { arbitrary: fc.integer({ min: 0, max: 20_000 }), weight: 5 },
  { arbitrary: fc.integer({ min: -5_000, max: 0 }), weight: 1 },
);

/** Any sequence of operations has the same answers from the index as from a plain one. */
export function randomOperations(open: () => Promise<CacheIndex>, numRuns: number): void {
  it('answers any sequence of operations as a plain search over arrays does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(operation, step), { minLength: 20, maxLength: 80 }),
        async (steps) => {
          const real: Side = { index: await open(), entries: new Map() };
          const plain: Side = { index: new PlainIndex(), entries: new Map() };
          try {
            let now = 1_000_000;
            for (const [run, passed] of steps) {
              now += passed;
              const [answered, right] = [await run(real, now), await run(plain, now)];
              expect(normal(answered, real)).toEqual(normal(right, plain));
            }
          } finally {
            await real.index.close();
          }
        },
      ),
      { numRuns },
    );
  }, 60_000);
}

/** With the numbers of the uploads for the entries' ids, and without an order where none is promised. */
function normal(answer: unknown, { entries }: Side): unknown {
  const numbers = new Map([...entries].map(([number, id]) => [id, number]));
  const text = JSON.stringify(answer, (name, value: unknown) => {
    if (value instanceof Set) return [...value].sort();
    if ((name === 'id' || name === 'entryId') && typeof value === 'string')
      return numbers.get(value) ?? value;
    if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.toSorted();
    if (name === 'entries' && Array.isArray(value) && isRemoved(answer)) {
      return value.toSorted((a, b) => Number(a.id) - Number(b.id));
    }
    return value;
  });
  return text === undefined ? undefined : JSON.parse(text);
}

function isRemoved(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'blobs' in answer && 'entries' in answer;
}
