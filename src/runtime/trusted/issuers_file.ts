import { z } from 'zod';

const url = z
  .url({ protocol: /^https?$/ })
  .refine((text) => !/[?#@\s]/.test(text), 'no query, fragment or user');

const trustedIssuer = z
  .strictObject({
    issuer: url.describe('The iss claim of its tokens.'),
    jwksUri: url.describe('Where its public keys are.'),
    introspection: z.strictObject({
      url: url.describe('Its RFC 7662 endpoint.'),
      clientId: z
        .string()
        .min(1)
        .max(256)
        .describe('Who we are there. A token must name it in its aud: its pool means it for us.'),
      secretFile: z.string().min(1).describe('File with the secret of this client.'),
    }),
    allowHttp: z
      .boolean()
      .default(false)
      .describe('Whether its addresses may be http, where the network between is trusted.'),
  })
  .refine(
    ({ allowHttp, jwksUri, introspection }) =>
      allowHttp || [jwksUri, introspection.url].every((one) => one.startsWith('https:')),
    'https only, unless allowHttp says otherwise',
  );
export type TrustedIssuer = z.infer<typeof trustedIssuer>;

/**
 * The installations whose runners may ask here too, as JSON. Throws on one that is named twice, since it would then be
 * the file's order that decides, and on our own issuer, whose tokens are checked here and by nobody else.
 */
export function parseTrustedIssuers(text: string, ownIssuer: string): TrustedIssuer[] {
  const issuers = z.array(trustedIssuer).max(100).parse(JSON.parse(text));
  const names = new Set([ownIssuer, ...issuers.map(({ issuer }) => issuer)]);
  if (names.size !== issuers.length + 1) throw new Error('an issuer is named twice, or is our own');
  return issuers;
}
