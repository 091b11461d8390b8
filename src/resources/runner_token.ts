import { z } from 'zod';
import { conditions } from './conditions.ts';
import { duration } from './duration.ts';
import { objectMeta } from './object.ts';

const reference = (what: string) =>
  z
    .object({
      name: z.string().min(1).max(253).describe(`Name of the ${what}.`),
      uid: z.string().min(1).max(64).describe(`UID of the ${what}: a namesake made later is not meant.`),
    })
    .describe(`The ${what}.`);

export const runnerTokenSpec = z
  .object({
    type: z
      .enum(['Runtime'])
      .default('Runtime')
      .describe('Runtime: the identity of one runner while it lives.'),
    podRef: reference('pod that the token speaks for'),
    poolRef: reference('pool that the runner belongs to'),
    attempt: z
      .int()
      .min(1)
      .default(1)
      .describe('Which start of its slot this runner is; an older one is refused.'),
    audiences: z.array(z.string().min(1).max(256)).min(1).max(17).describe('The aud claim.'),
    ttl: duration('Lifetime of each JWT issued for this token.', { min: '60s', max: '24h' }).default('1h'),
  })
  .describe('Who the token speaks for; it never changes.')
  .meta({
    'x-kubernetes-validations': [
      { rule: 'self == oldSelf', message: 'a token is never re-pointed: make a new one' },
    ],
  });

/** A runner's states, in the order in which it may go through them. */
export const runnerState = z
  .enum(['Installing', 'Idle', 'Busy', 'Terminated'])
  .describe('Installing, Idle, Busy or Terminated.');

export const runnerReport = z
  .object({
    state: runnerState,
    since: z.string().max(64).meta({ format: 'date-time' }).describe('When the runner reported this state.'),
    message: z.string().max(1024).optional().describe('What the runner said of it.'),
    busySince: z
      .string()
      .max(64)
      .meta({ format: 'date-time' })
      .optional()
      .describe('When the runner reported that it got its job; absent for one that never had any.'),
  })
  .describe('What the runner last said of itself; written by the api.');

export const runnerTokenStatus = z
  .object({
    observedGeneration: z.int().min(0).optional().describe('The metadata.generation last acted upon.'),
    phase: z
      .enum(['Pending', 'Active', 'Revoked', 'Expired'])
      .default('Pending')
      .describe('Pending until its JWT is in the Secret; only an Active token is accepted.'),
    reason: z.string().max(128).optional().describe('Why the phase is what it is, one CamelCase word.'),
    message: z.string().max(1024).optional().describe('The same for a person.'),
    secretRef: z
      .object({ name: z.string().min(1).max(253).describe('Name of the Secret.') })
      .optional()
      .describe('The Secret that holds the JWT.'),
    keyId: z.string().max(128).optional().describe('kid of the key that signed the newest JWT.'),
    issuedAt: z
      .string()
      .max(64)
      .meta({ format: 'date-time' })
      .optional()
      .describe('When the newest JWT was issued.'),
    refreshAt: z.string().max(64).meta({ format: 'date-time' }).optional().describe('When the next will be.'),
    expiresAt: z
      .string()
      .max(64)
      .meta({ format: 'date-time' })
      .optional()
      .describe('When the newest JWT expires.'),
    revokedAt: z
      .string()
      .max(64)
      .meta({ format: 'date-time' })
      .optional()
      .describe('When the token was revoked.'),
    runner: runnerReport.optional(),
    conditions: conditions.default([]),
  })
  .describe('What became of the token; written by the controller, runner by the api.');

export const runnerToken = z.looseObject({
  metadata: objectMeta,
  spec: runnerTokenSpec,
  status: runnerTokenStatus.optional(),
});

export type RunnerTokenSpec = z.infer<typeof runnerTokenSpec>;
export type RunnerTokenStatus = z.infer<typeof runnerTokenStatus>;
export type RunnerToken = z.infer<typeof runnerToken>;
export type RunnerState = z.infer<typeof runnerState>;
