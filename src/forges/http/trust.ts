import { X509Certificate } from 'node:crypto';
import type { PoolForge } from '../../resources/pool_forge.ts';
import { ForgeError } from '../forge_error.ts';
import type { ForgeProxy } from './connections.ts';

type Secret = Readonly<Record<string, string>>;

/** PEM of key ca.crt; throws CredentialsInvalid where it is none. */
export function authorityOf(secret: Secret): string | undefined {
  const pem = secret['ca.crt'];
  if (pem === undefined) return undefined;
  try {
    new X509Certificate(pem);
    return pem;
  } catch {
    throw new ForgeError('CredentialsInvalid', 'key ca.crt of the Secret is no certificate in PEM');
  }
}

/** The pool's proxy, and what it is told of who asks. */
export function proxyOf(
  { proxy }: PoolForge,
  { proxyUsername = '', proxyPassword = '' }: Secret,
): ForgeProxy | undefined {
  if (proxy === undefined) return undefined;
  const user = Buffer.from(`${proxyUsername}:${proxyPassword}`).toString('base64');
  return { url: new URL(proxy.url), authorization: proxyUsername === '' ? undefined : `Basic ${user}` };
}
