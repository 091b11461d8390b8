import { shortHash } from '../pool/runner_name.ts';

/** Matches the two Secrets of any pool. */
export const INTERCEPTION_SECRET_NAME = /-harrier-(ca|tls)$/;

/** The Secret with the authorities of a pool and their private keys, which the controller alone reads. */
export function authoritySecretName(poolName: string): string {
  return `${stem(poolName)}-harrier-ca`;
}

/** The Secret that the pool's pods mount: the sidecar its certificate and key, the others what to trust. */
export function interceptionSecretName(poolName: string): string {
  return `${stem(poolName)}-harrier-tls`;
}

export const CERTIFICATE_FILE = 'tls.crt';
export const KEY_FILE = 'tls.key';
/** Roots by which the sidecar knows the real service, besides Node's own; may be empty. */
export const UPSTREAM_ROOTS_FILE = 'roots.crt';
/** The pool's authorities. */
export const AUTHORITY_FILE = 'ca.crt';
/** The same and the roots that every program of the pod would trust without us. */
export const BUNDLE_FILE = 'bundle.crt';

function stem(poolName: string): string {
  if (poolName.length <= 230) return poolName;
  return `${poolName.slice(0, 200).replace(/[.-]+$/, '')}-${shortHash(poolName)}`;
}
