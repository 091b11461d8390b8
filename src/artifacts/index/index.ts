import type { Part } from '../../cache/index/index.ts';

/**
 * What Harrier knows of artifacts; the bytes are blobs beside the cache's. Every function for a job takes its tenant
 * first and reaches nothing of another's. Whatever implements this passes test/artifacts/index_conformance.ts.
 * Times are milliseconds since the epoch; what has expired by `now` is not there any more.
 */
export interface ArtifactIndex {
  /**
   * Takes a name in a run for one upload. An open upload of the same job gives way (its client says the request again
   * after a lost answer, or the job began anew), and so does what has expired; `dropped` are their blobs.
   */
  reserve(tenant: string, reservation: ArtifactReservation): Promise<Reserved>;
  upload(tenant: string, uploadId: string): Promise<ArtifactUpload | undefined>;
  /** Notes parts of an open upload, a number again replacing the earlier; false when no such upload is open. */
  addParts(tenant: string, uploadId: string, parts: readonly Part[], now: number): Promise<boolean>;
  parts(tenant: string, uploadId: string): Promise<Part[]>;
  /** Makes the upload an artifact of these parts in this order, atomically; undefined when it or a part is gone. */
  commit(tenant: string, uploadId: string, commit: ArtifactCommit): Promise<CommittedArtifact | undefined>;
  /** Forgets an open upload; answers its blobs, or undefined when no such upload is open. */
  release(tenant: string, uploadId: string): Promise<string[] | undefined>;
  /** Artifacts of a run, oldest first, at most `limit`. */
  list(tenant: string, run: string, filter: ArtifactFilter, now: number, limit: number): Promise<Artifact[]>;
  content(tenant: string, artifactId: string, now: number): Promise<ArtifactContent | undefined>;
  /** Answers what is no more, and its blobs; undefined when there was nothing of that name. */
  remove(tenant: string, run: string, name: string, now: number): Promise<Removed | undefined>;
  usage(tenant: string): Promise<ArtifactUsage>;

  // Housekeeping over all tenants: it hands out blobs and counts, never what a tenant calls them.

  /** Forgets open uploads without activity since `before`; answers their blobs. */
  releaseAbandoned(before: number): Promise<string[]>;
  /** Forgets at most `limit` artifacts that have expired. */
  removeExpired(now: number, limit: number): Promise<{ artifacts: number; blobs: string[] }>;
  /** Which of these blobs a part or an artifact names. */
  namedBlobs(blobs: readonly string[]): Promise<Set<string>>;
  total(): Promise<ArtifactUsage>;
  /** Throws when the index can't answer. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export interface ArtifactReservation {
  readonly uploadId: string;
  readonly run: string;
  readonly job: string;
  readonly name: string;
  readonly mimeType: string;
  readonly expiresAt: number;
  readonly now: number;
}

export type Reserved = { outcome: 'reserved'; dropped: string[] } | { outcome: 'taken' };

export interface ArtifactUpload {
  readonly run: string;
  /** The artifact, once the upload is committed. */
  readonly committed?: {
    readonly artifactId: string;
    readonly sizeBytes: number;
    readonly numbers: number[];
  };
}

export interface ArtifactCommit {
  readonly parts: readonly Part[];
  readonly digest?: string | undefined;
  readonly now: number;
}

export interface CommittedArtifact {
  readonly artifact: Artifact;
  /** Blobs of parts that were left out. */
  readonly dropped: string[];
}

export interface Artifact {
  /** Decimal digits below 2^63, never reused: the protocol's int64. */
  readonly id: string;
  readonly run: string;
  readonly job: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly mimeType: string;
  readonly digest?: string | undefined;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface ArtifactFilter {
  readonly name?: string | undefined;
  readonly id?: string | undefined;
}

export interface ArtifactContent {
  readonly sizeBytes: number;
  /** Opaque, different for every artifact that ever was. */
  readonly etag: string;
  readonly blobs: readonly Omit<Part, 'number'>[];
}

export interface Removed {
  readonly artifact: Artifact;
  readonly blobs: string[];
}

export interface ArtifactUsage {
  readonly artifacts: number;
  readonly sizeBytes: number;
}
