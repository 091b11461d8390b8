import { z } from 'zod';
import { MAX_PARTS } from './parts.ts';

/**
 * The cache's control plane between sidecar and api. Bytes never ride in these messages: they go to and come
 * from signed URLs, which are absolute (an S3 store) or paths under the api's own base (the folder store).
 */

/** `POST /v1/cache/lookup`. The first key is the exact one wanted, the rest are restore keys, in order. */
export const lookupRequest = z.strictObject({
  keys: z.array(z.string()).min(1).max(10),
  version: z.string(),
});
export type LookupRequest = z.infer<typeof lookupRequest>;

export const lookupAnswer = z.discriminatedUnion('hit', [
  z.object({ hit: z.literal(false) }),
  z.object({
    hit: z.literal(true),
    key: z.string().describe('Key of the entry found, which may be longer than the one asked for.'),
    scope: z.string(),
    version: z.string(),
    sizeBytes: z.int(),
    createdAt: z.iso.datetime(),
    url: z.string().describe('Signed GET URL; answers Range.'),
    partsUrl: z
      .string()
      .optional()
      .describe('Signed GET URL of the list of parts, where bytes come from the store itself.'),
  }),
]);
export type LookupAnswer = z.infer<typeof lookupAnswer>;

/** `POST /v1/cache/uploads` → 201: reserves key and version in the first writable scope. */
export const uploadRequest = z.strictObject({
  key: z.string(),
  version: z.string(),
  sizeBytes: z.int().min(0).optional(),
});
export type UploadRequest = z.infer<typeof uploadRequest>;
export const uploadAnswer = z.object({ uploadId: z.string(), scope: z.string() });
export type UploadAnswer = z.infer<typeof uploadAnswer>;

/** `POST /v1/cache/uploads/{uploadId}/parts`: a signed PUT URL for each part, good for exactly its length. */
export const partsRequest = z.strictObject({
  parts: z
    .array(z.strictObject({ number: z.int().min(1).max(MAX_PARTS), sizeBytes: z.int().min(1) }))
    .min(1)
    .max(1000),
});
export type PartsRequest = z.infer<typeof partsRequest>;
export const partsAnswer = z.object({
  parts: z.array(
    z.object({
      number: z.int(),
      url: z.string(),
      headers: z
        .record(z.string(), z.string())
        .optional()
        .describe('Headers of the PUT that its signature is for.'),
    }),
  ),
});
export type PartsAnswer = z.infer<typeof partsAnswer>;

/** `POST /v1/cache/uploads/{uploadId}/commit`: the entry is the named parts, in the list's order. */
export const commitRequest = z.strictObject({
  sizeBytes: z.int().min(0).describe('What the client says the whole is; must be the sum of the parts.'),
  parts: z.array(z.int().min(1).max(MAX_PARTS)).max(MAX_PARTS),
  crc32: z
    .array(z.int().min(0).max(0xffff_ffff))
    .max(MAX_PARTS)
    .optional()
    .describe('CRC-32 of the bytes of each listed part, as they were sent.'),
});
export type CommitRequest = z.infer<typeof commitRequest>;
export const commitAnswer = z.object({ entryId: z.string(), sizeBytes: z.int() });
export type CommitAnswer = z.infer<typeof commitAnswer>;

/**
 * What an entry's `partsUrl` answers: its parts in order, from the `offset`th of them on. `next` is the offset of those
 * that are missing here. The URLs are the store's own, answer Range and are good for 15 minutes.
 */
export const storedPartsAnswer = z.object({
  sizeBytes: z.int().describe('Of the whole entry.'),
  parts: z.array(
    z.object({
      url: z.string(),
      sizeBytes: z.int(),
      crc32: z.int().optional().describe('Of the whole part.'),
    }),
  ),
  next: z.int().optional(),
});
export type StoredPartsAnswer = z.infer<typeof storedPartsAnswer>;

/** `GET /v1/cache/store`: how to reach the store whose URLs are absolute. */
export const storeAnswer = z.object({
  ca: z.string().optional().describe("PEM of the authorities that vouch for it, where the system's do not."),
});
export type StoreAnswer = z.infer<typeof storeAnswer>;

/** `DELETE /v1/cache/uploads/{uploadId}` → 204: gives the reservation back. */

/** `GET /v1/cache/entries?key=…` → the entries whose key begins with it (the v1 client's debug list). */
export const entriesAnswer = z.object({
  totalCount: z.int(),
  entries: z.array(
    z.object({
      key: z.string(),
      scope: z.string(),
      version: z.string(),
      sizeBytes: z.int(),
      createdAt: z.iso.datetime(),
    }),
  ),
});
export type EntriesAnswer = z.infer<typeof entriesAnswer>;

/** Longest key, in characters, as the stock clients have it. */
export const MAX_KEY_LENGTH = 512;
