import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** As lib/authn/token_field/generator/routable_token.rb of GitLab 19.4 makes them; by none of Harrier's own code. */
export function versionedToken(prefix: string, lines: string, random = randomBytes(16)): string {
  const payload = Buffer.concat([random, Buffer.from(lines), Buffer.of(lines.length)]).toString('base64url');
  const sealed = `${prefix}${payload}.01.${payload.length.toString(36).padStart(2, '0')}`;
  return sealed + crc32(sealed).toString(36).padStart(7, '0');
}
