import { hash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { clientCredentials } from './client_credentials.ts';

const digest = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * The file of those who may introspect: id → SHA-256 of the secret in hexadecimal, or two of them while the secret is
 * being changed. A plain hash is enough, since secrets are random and long, and no attacker tries 2^256 of them.
 */
export const introspectionClients = z.record(
  z.string().min(1).max(256),
  z.union([digest, z.array(digest).min(1).max(2)]),
);
export type IntrospectionClients = z.infer<typeof introspectionClients>;

export function parseClients(text: string): IntrospectionClients {
  return introspectionClients.parse(JSON.parse(text));
}

/** Stands for the secrets of a client that there is none of: no secret has this hash. */
const NOBODY = ['0'.repeat(64)];

/** Id of the client that this Authorization header proves; undefined when it proves none. */
export function authenticateClient(
  clients: IntrospectionClients | undefined,
  header: string | undefined,
): string | undefined {
  const said = clientCredentials(header);
  if (said === undefined) return undefined;
  const known = clients !== undefined && Object.hasOwn(clients, said.id) ? clients[said.id] : undefined;
  const found = hash('sha256', said.secret, 'buffer');
  // An unknown id takes as long as a wrong secret, and a wrong secret as long wherever it differs.
  let proven = false;
  for (const one of known === undefined ? NOBODY : [known].flat())
    proven = timingSafeEqual(Buffer.from(one, 'hex'), found) || proven;
  return proven && known !== undefined ? said.id : undefined;
}
