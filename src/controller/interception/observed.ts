/** All that the plan of a pool's interception decides from: plain data without a key. */
export interface ObservedInterception {
  /** The host whose name leads to the sidecars; undefined where none shall. */
  host?: string | undefined;
  /** Whether pods may live that were made with it. */
  inUse: boolean;
  /** Of the Secret that the controller alone reads; undefined where it is absent. */
  authorities?: readonly SeenAuthority[] | undefined;
  /** Of the Secret that the pods mount; undefined where it is absent. */
  served?: SeenServed | undefined;
}

export interface SeenAuthority {
  /** SHA-256 of the certificate. */
  id: string;
  host: string;
  notAfter: Date;
  /** Since when the pods have it among their roots; absent while they may not. */
  publishedAt?: Date;
}

export interface SeenServed {
  /** Ids of the authorities that the pods trust. */
  trusted: readonly string[];
  /** Whether the bundle holds these and the system's roots as this release has them, and the sidecars the forge's. */
  rootsCurrent: boolean;
  /** The sidecars' certificate, where an authority of the pool's has signed it. */
  leaf?: { issuer: string; notAfter: Date };
}
