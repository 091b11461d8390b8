import { randomBytes } from 'node:crypto';
import { HARRIER_CLAIM } from '../../src/tokens/claims.ts';

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A JWT that nobody signed, with these claims of ours: a router looks no further. */
export function jwtSaying(ours: object | undefined): string {
  const claims = { iss: 'https://cell.example', ...(ours === undefined ? {} : { [HARRIER_CLAIM]: ours }) };
  return `${part({ alg: 'ES256' })}.${part(claims)}.${randomBytes(64).toString('base64url')}`;
}
