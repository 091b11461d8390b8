/**
 * Header in which the sidecar hands on the token that the forge gave the job, on calls of the cache alone and only
 * where the pool takes its scopes from jobs. It is a secret of the job: neither side logs or keeps it.
 */
export const JOB_TOKEN_HEADER = 'harrier-job-token';
