const DAY_MS = 24 * 3600_000;

/** How long certificates are good and when the next ones are made, in ms. */
export interface InterceptionPolicy {
  authorityLifeMs: number;
  /** What is left of an authority's life when its successor is made. */
  authorityRenewMs: number;
  /**
   * How long a successor is only trusted before it signs: longer than any program keeps the roots that it has read. A
   * job of a self-hosted runner ends after 5 days.
   */
  overlapMs: number;
  leafLifeMs: number;
  /** What is left of a leaf's life when the next is made: for so long a controller may be away. */
  leafRenewMs: number;
}

export const INTERCEPTION_POLICY: InterceptionPolicy = {
  authorityLifeMs: 365 * DAY_MS,
  authorityRenewMs: 120 * DAY_MS,
  overlapMs: 30 * DAY_MS,
  leafLifeMs: 30 * DAY_MS,
  leafRenewMs: 10 * DAY_MS,
};
