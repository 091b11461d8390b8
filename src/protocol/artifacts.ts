import { z } from 'zod';
import { commitAnswer, commitRequest, uploadAnswer } from './cache.ts';

/**
 * The control plane of artifacts (v4) between sidecar and api. Their bytes go the cache's way: numbered parts to signed
 * URLs, a commit that lists them, a signed URL to read from.
 */

/** Longest name of an artifact, in characters; the stock client has no limit of its own, file systems have this one. */
export const MAX_NAME_LENGTH = 255;

const name = z.string().describe('Unique in its run.');
/** What the job says; see docs/artifacts.md for how far it is believed. */
const run = z.string().describe('Id of the workflow run, as the job says it.');

/** `POST /v1/artifacts/uploads` → 201: takes the name in the run. */
export const createArtifactRequest = z.strictObject({
  run,
  job: z.string().describe('Id of the job within the run, as the job says it.'),
  name,
  mimeType: z.string().default('application/zip'),
  expiresAt: z.iso
    .datetime({ offset: true })
    .optional()
    .describe("At most the pool's retention away, which is also what holds without it."),
});
export type CreateArtifactRequest = z.infer<typeof createArtifactRequest>;
export const createArtifactAnswer = uploadAnswer.pick({ uploadId: true });

/** `POST /v1/artifacts/uploads/{uploadId}/commit`: the artifact is the named parts, in the list's order. */
export const artifactCommitRequest = commitRequest.extend({
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .optional()
    .describe('What the client computed over all bytes; kept and told to whoever downloads, who checks it.'),
});
export type ArtifactCommitRequest = z.infer<typeof artifactCommitRequest>;
export const artifactCommitAnswer = commitAnswer;

/** `GET /v1/artifacts?run=…&name=…&id=…` → finished artifacts of the run, oldest first; both filters are exact. */
export const listArtifactsQuery = z.object({ run, name: name.optional(), id: z.string().optional() });
export const artifactView = z.object({
  id: z.string().describe('Decimal digits below 2^63, never reused.'),
  job: z.string(),
  name,
  sizeBytes: z.int(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  mimeType: z.string(),
  digest: z.string().optional(),
});
export type ArtifactView = z.infer<typeof artifactView>;
export const artifactsAnswer = z.object({ artifacts: z.array(artifactView) });
export type ArtifactsAnswer = z.infer<typeof artifactsAnswer>;

/** `GET /v1/artifacts/download?run=…&name=…`: where the bytes are; `DELETE /v1/artifacts?run=…&name=…` → its id. */
export const namedArtifactQuery = z.object({ run, name });
export const artifactDownloadAnswer = artifactView.extend({
  url: z.string().describe('Signed GET URL; answers Range.'),
  partsUrl: z
    .string()
    .optional()
    .describe('Signed GET URL of the list of parts, where bytes come from the store itself.'),
});
export type ArtifactDownloadAnswer = z.infer<typeof artifactDownloadAnswer>;
export const artifactRemovedAnswer = z.object({ id: z.string() });
