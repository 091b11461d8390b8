import { z } from 'zod';

/** Header names that say how the request itself is sent: none of them can present a credential. */
const NOT_FOR_CREDENTIALS = 'host|content-length|content-type|transfer-encoding|connection|upgrade|te|expect';

const url = (description: string) =>
  z
    .string()
    .max(2048)
    .regex(/^https?:\/\/[^\s/?#@]+([/?][^\s#]*)?$/)
    .describe(description);

const headerName = (description: string) =>
  z
    .string()
    .max(64)
    .regex(/^[A-Za-z0-9-]+$/)
    .describe(description);

/** Where something stands in the service's answer. */
const place = (what: string) =>
  z
    .object({
      pointer: z
        .string()
        .max(256)
        .regex(/^(\/([^/~]|~[01])*)+$/)
        .optional()
        .describe('JSON pointer (RFC 6901) into its body, such as /user/login.'),
      header: headerName('One of its headers, such as X-OAuth-Scopes.').optional(),
    })
    .meta({
      'x-kubernetes-validations': [
        { rule: 'has(self.pointer) != has(self.header)', message: 'name one of pointer and header' },
      ],
    })
    .describe(what);

const validate = z
  .object({
    url: url(
      'GET of it must succeed with the credential. Plain http and addresses inside the cluster only where the installation allows the host (credentials.allowedHosts).',
    ),
    expectStatus: z
      .int()
      .min(200)
      .max(299)
      .default(200)
      .describe('Status of the answer to a good credential.'),
    header: headerName('Header that presents the credential.')
      .default('Authorization')
      .meta({
        'x-kubernetes-validations': [
          {
            rule: `!self.lowerAscii().matches('^(${NOT_FOR_CREDENTIALS})$')`,
            message: 'this header cannot present a credential',
          },
        ],
      }),
    scheme: z
      .string()
      .max(32)
      .regex(/^([A-Za-z][A-Za-z0-9-]*)?$/)
      .default('Bearer')
      .describe(
        'What stands before the credential in the header, such as Bearer or token; nothing if empty.',
      ),
    subject: place(
      'Where the answer says whom the credential speaks for; not recorded when absent.',
    ).optional(),
    scopes: place(
      'Where the answer says what it may do: a list, or a text parted by commas or spaces; not recorded when absent.',
    ).optional(),
  })
  .describe('Asks a service whether the credential is good.');

const jwks = z
  .object({
    url: url('Where the public keys of its issuer are (RFC 7517); as for validate.url.'),
    issuer: z.string().min(1).max(512).describe('The iss claim that it must have.'),
    audience: z
      .string()
      .min(1)
      .max(512)
      .optional()
      .describe('An aud claim that it must have; any when absent.'),
    subjectClaim: z.string().min(1).max(128).default('sub').describe('Claim that says whom it speaks for.'),
    scopesClaim: z
      .string()
      .min(1)
      .max(128)
      .default('scope')
      .describe('Claim with its scopes: a list, or a text parted by spaces; no scopes when it has none.'),
  })
  .describe('Checks the credential as a JWT of another issuer, asking for no more than its keys.');

/** A credential that somebody brings for runners to use: where it is, and how to find out whether it is good. */
export const supplied = z
  .object({
    secretRef: z
      .object({
        name: z.string().min(1).max(253).describe('Name of a Secret in the same namespace.'),
        key: z
          .string()
          .min(1)
          .max(253)
          .regex(/^[-._a-zA-Z0-9]+$/)
          .default('token')
          .describe('Key of its data.'),
      })
      .describe('The Secret with the credential. Only the controller reads it, and never changes it.'),
    validate: validate.optional(),
    jwks: jwks.optional(),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: '!(has(self.validate) && has(self.jwks))',
        message: 'validate and jwks exclude each other: name one of them, or neither',
      },
    ],
  });

/** All that is recorded of a credential. */
export const recorded = z
  .object({
    subject: z.string().max(512).optional().describe('Whom the credential speaks for.'),
    scopes: z
      .array(z.string().max(512))
      .max(128)
      .optional()
      .describe('What it may do, sorted.')
      .meta({ 'x-kubernetes-list-type': 'atomic' }),
  })
  .describe('All that is recorded of the credential that the runner is given.');

export type Supplied = z.infer<typeof supplied>;
export type Recorded = z.infer<typeof recorded>;
