import { canonicalBytes } from './form.ts';
import { type Malformation, MalformedToken } from './malformed.ts';

const UTF8 = new TextDecoder('utf-8', { fatal: true });

export interface UnverifiedJwt {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
}

/** What a compact JWS says; nothing of it is proven. Throws MalformedToken. */
export function readJwt(token: string): UnverifiedJwt {
  const [header, claims, signature, more] = token.split('.', 4);
  if (header === undefined || claims === undefined || signature === undefined || more !== undefined)
    throw new MalformedToken('form');
  canonicalBytes(signature);
  const read = { header: jsonObject(header, 'header'), claims: jsonObject(claims, 'claims') };
  // The one parameter that every header has (RFC 7515 section 4.1.1).
  if (typeof read.header.alg !== 'string') throw new MalformedToken('header');
  return read;
}

function jsonObject(part: string, what: Malformation): Record<string, unknown> {
  const bytes = canonicalBytes(part);
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(bytes));
  } catch {
    throw new MalformedToken(what);
  }
  if (!isObject(value)) throw new MalformedToken(what);
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
