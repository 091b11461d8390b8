import type { Logger } from 'pino';
import type { Blobs } from '../cache/blobs/blobs.ts';
import type { SignedUrls } from '../cache/blobs/signed_url.ts';
import { partsApart } from '../cache/stored_parts.ts';
import type {
  ArtifactCommitRequest,
  ArtifactDownloadAnswer,
  ArtifactsAnswer,
  CreateArtifactRequest,
} from '../protocol/artifacts.ts';
import type { CommitAnswer, PartsAnswer, PartsRequest, StoredPartsAnswer } from '../protocol/cache.ts';
import type { ArtifactAccess } from './access.ts';
import { create } from './create.ts';
import { list, locate, remove } from './find.ts';
import type { ArtifactContent, ArtifactIndex, ArtifactUsage } from './index/index.ts';
import { sweep } from './sweep.ts';
import { commit, offerParts, release } from './upload.ts';

/** What the operations work with. */
export interface ArtifactParts {
  readonly index: ArtifactIndex;
  readonly blobs: Blobs;
  readonly urls: SignedUrls;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Artifacts as the routes use them. What they refuse they throw as CacheRefused. */
export interface Artifacts {
  create(access: ArtifactAccess, request: CreateArtifactRequest): Promise<{ uploadId: string }>;
  offerParts(access: ArtifactAccess, uploadId: string, request: PartsRequest): Promise<PartsAnswer>;
  commit(access: ArtifactAccess, uploadId: string, request: ArtifactCommitRequest): Promise<CommitAnswer>;
  release(access: ArtifactAccess, uploadId: string): Promise<void>;
  list(
    access: ArtifactAccess,
    query: { run: string; name?: string | undefined; id?: string | undefined },
  ): Promise<ArtifactsAnswer>;
  locate(access: ArtifactAccess, query: { run: string; name: string }): Promise<ArtifactDownloadAnswer>;
  remove(access: ArtifactAccess, query: { run: string; name: string }): Promise<{ id: string }>;
  /** What an artifact is made of; undefined when there is none. */
  content(tenant: string, artifactId: string): Promise<ArtifactContent | undefined>;
  /** Where an artifact's parts are, in a store that bytes come from without us. */
  storedParts(tenant: string, artifactId: string, offset: number): Promise<StoredPartsAnswer>;
  /** Of all tenants. */
  total(): Promise<ArtifactUsage>;
  /** The same as it was at most a minute ago, for figures. */
  readonly held: ArtifactUsage;
  ready(): Promise<void>;
  /** Removes now what has expired, as is done every minute; answers how many. */
  sweep(): Promise<{ expired: number }>;
  /** Stops the housekeeping and closes the index. */
  close(): Promise<void>;
}

export interface ArtifactsOptions {
  index: ArtifactIndex;
  /** Where the cache's bytes are, and its URLs. */
  stores: { readonly blobs: Blobs; readonly urls: SignedUrls };
  /** Milliseconds since the epoch. */
  clock: () => number;
  log: Logger;
}

const SWEEP_EVERY = 60_000;

export function openArtifacts({ index, stores, clock, log }: ArtifactsOptions): Artifacts {
  const parts: ArtifactParts = { index, blobs: stores.blobs, urls: stores.urls, now: clock };
  let sweeping: Promise<unknown> | undefined;
  let held: ArtifactUsage = { artifacts: 0, sizeBytes: 0 };
  const keep = async () => {
    const { expired } = await sweep(parts);
    if (expired > 0) log.info({ artifacts: expired }, 'expired artifacts removed');
    held = await index.total();
  };
  const chore = () => {
    sweeping ??= keep()
      .catch((error: unknown) => log.warn({ err: error }, 'expired artifacts could not be removed'))
      .finally(() => {
        sweeping = undefined;
      });
  };
  chore();
  const timer = setInterval(chore, SWEEP_EVERY).unref();

  return {
    create: (access, request) => create(parts, access, request),
    offerParts: (access, uploadId, request) => offerParts(parts, access, uploadId, request),
    commit: (access, uploadId, request) => commit(parts, access, uploadId, request),
    release: (access, uploadId) => release(parts, access, uploadId),
    list: (access, query) => list(parts, access, query),
    locate: (access, query) => locate(parts, access, query),
    remove: (access, query) => remove(parts, access, query),
    content: (tenant, artifactId) => index.content(tenant, artifactId, clock()),
    storedParts: async (tenant, artifactId, offset) =>
      partsApart(stores.blobs.direct, await index.content(tenant, artifactId, clock()), offset),
    total: () => index.total(),
    get held() {
      return held;
    },
    ready: () => index.ready(),
    sweep: () => sweep(parts),
    close: async () => {
      clearInterval(timer);
      await sweeping;
      await index.close();
    },
  };
}
