/**
 * Most parts of an upload, those included that were sent again. As many blocks as a blob of the service may have that
 * stock clients were written for: BuildKit's sends blocks of 1 MiB, so its largest layer is 48 GiB.
 */
export const MAX_PARTS = 50_000;

/** Largest body of a commit, in bytes: a number and a checksum for each part. */
export const MAX_COMMIT_BYTES = 1024 * 1024;
