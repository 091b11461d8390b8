import { TokenRefused } from './refusal.ts';

const SCHEME = /^bearer +/i;

/** The token of an Authorization header (RFC 6750 section 2.1); throws TokenRefused `missing`. */
export function bearerToken(header: string | undefined): string {
  if (header === undefined || header === '') throw new TokenRefused('missing');
  const scheme = SCHEME.exec(header);
  if (scheme === null) throw new TokenRefused('missing');
  const token = header.slice(scheme[0].length);
  if (token === '') throw new TokenRefused('missing');
  return token;
}
