import { CacheRefused } from '../cache/refused.ts';

/** What a runner may do with artifacts, from its token's verified claims and from nothing else. */
export interface ArtifactAccess {
  readonly enabled: boolean;
  /** Whose artifacts; part of every query. The same as the cache's. */
  readonly tenant: string;
  /** The runner and its attempt: the run of a job that names none. */
  readonly runner: string;
  /** Longest retention, in days. */
  readonly maxRetentionDays: number;
  /** Most bytes that the tenant's artifacts may have together; absent for no limit. */
  readonly quotaBytes?: number | undefined;
}

/** Throws `permission-denied` where the pool's artifacts are not Harrier's. */
export function assertEnabled(access: ArtifactAccess): void {
  if (!access.enabled)
    throw new CacheRefused('permission-denied', "Artifacts are not enabled for this runner's pool.");
}
