import { createHash, randomBytes } from 'node:crypto';
import type { Routing } from '../resources/entity.ts';
import { encodePlain } from './routable/encode_plain.ts';
import { encodeRoutable } from './routable/encode_routable.ts';

/** Bytes of chance in a registration token's value. */
const RANDOM_BYTES = 16;
/** What a user's own value must at least have: 20 characters, as the forges' own tokens. */
const LEAST_LENGTH = 20;
const MOST_LENGTH = 512;

/** Makes the value of a registration token: routable where it has a routing, else plain. It is a secret. */
export function makeRegistrationValue(prefix: string, routing: Routing | undefined): string {
  const random = randomBytes(RANDOM_BYTES);
  return routing === undefined ? encodePlain(prefix, random) : encodeRoutable({ prefix, routing, random });
}

/** By what a value is known without being kept: SHA-256 in base64url. A value has too much chance in it to be guessed. */
export function hashOfValue(value: string): string {
  return createHash('sha256').update(value).digest('base64url');
}

/** What is wrong with a value that a user brought, as a sentence; undefined when it will do. Never quotes it. */
export function problemOfValue(value: string): string | undefined {
  if (value.length < LEAST_LENGTH) return `the value is shorter than ${LEAST_LENGTH} characters`;
  if (value.length > MOST_LENGTH) return `the value is longer than ${MOST_LENGTH} characters`;
  // RFC 6750 section 2.1: what may stand in an Authorization header.
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(value))
    return 'the value has characters that a bearer token may not have (RFC 6750), such as a line break';
  if (new Set(value).size < 8) return 'the value is too uniform to be a secret';
  if (/^ey[\w-]+\.[\w-]+\.[\w-]*$/.test(value)) return 'the value is a JWT, which is no registration token';
  return undefined;
}
