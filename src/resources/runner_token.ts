import { z } from 'zod';
import { duration } from './duration.ts';
import { entityScope, routing, valuePrefix } from './entity.ts';
import { AGENT_AUDIENCE } from './group.ts';
import { objectMeta } from './object.ts';
import { runnerTokenStatus } from './runner_token_status.ts';
import { supplied } from './supplied.ts';

const name = (what: string) => z.string().min(1).max(253).describe(`Name of the ${what}.`);
const uid = (what: string) =>
  z.string().min(1).max(64).describe(`UID of the ${what}: a namesake made later is not meant.`);

const reference = (what: string) => z.object({ name: name(what), uid: uid(what) }).describe(`The ${what}.`);

const runner = z
  .object({
    name: z
      .string()
      .max(63)
      .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/)
      .describe('Name of the runner, one of its kind in the pool.'),
    id: z
      .string()
      .max(64)
      .optional()
      .describe('Stays the same over its attempts; the UID of its first token when absent.'),
    labels: z
      .array(z.string().min(1).max(256))
      .max(64)
      .optional()
      .describe('What it says it can do.')
      .meta({ 'x-kubernetes-list-type': 'set' }),
    version: z.string().max(128).optional().describe('Version of its program, as it says.'),
  })
  .describe('A runner that Harrier did not make: a Mac, a VM, a pod of another cluster.');

/** Fields of a Runtime token alone: whom it speaks for. */
const ofRuntime = {
  podRef: reference('pod that the token speaks for').optional(),
  runner: runner.optional(),
  parentRef: reference('Registration token that it descends from').optional(),
  attempt: z
    .int()
    .min(1)
    .optional()
    .describe('Which start of its slot or runner this is, 1 when absent; an older one is refused.'),
  audiences: z
    .array(z.string().min(1).max(256))
    .min(1)
    .max(17)
    .optional()
    .describe("The aud claim; the api's and the pool's when absent.")
    .meta({
      'x-kubernetes-validations': [
        {
          rule: `!self.exists(one, one == '${AGENT_AUDIENCE}')`,
          message: `${AGENT_AUDIENCE} is the audience of agent tokens alone`,
        },
      ],
    }),
  ttl: duration('Lifetime of each refreshed JWT; the pool’s when absent.', {
    min: '60s',
    max: '24h',
  }).optional(),
  agent: z.boolean().optional().describe('Whether an agent token is issued beside the runner token.'),
  delivery: z
    .enum(['Secret', 'Api'])
    .optional()
    .describe('Where the JWT goes: into a Secret that the token owns (default), or once to the api.'),
  supplied: supplied
    .optional()
    .describe('A credential for this runner; the token becomes Active only while it is good.'),
  request: z
    .string()
    .max(64)
    .optional()
    .describe('SHA-256 of the registration that asked for it: its repetition gets this token again.'),
};

/** Fields of a Registration token alone: who may join by it, and how. */
const ofRegistration = {
  usage: z
    .enum(['Reusable', 'OneTime'])
    .optional()
    .describe('Reusable, or OneTime: good for one registration ever. May be changed on a live token.'),
  active: z
    .boolean()
    .optional()
    .describe('False lets nobody in and revokes every descendant; true (default) lets new ones in.'),
  description: z.string().max(1024).optional().describe('What the token is for.'),
  expiresAt: z
    .string()
    .max(64)
    .meta({ format: 'date-time' })
    .optional()
    .describe('After it nobody joins any more; who has joined stays.'),
  maxUses: z.int().min(1).max(1_000_000).optional().describe('Registrations it is good for; absent for any.'),
  supersedes: z
    .boolean()
    .optional()
    .describe(
      'Whether it deactivates the older tokens of its pool and scope: true (default) if Reusable, false (default) if OneTime.',
    ),
  onRevoke: z
    .enum(['Drain', 'Delete'])
    .optional()
    .describe('What becomes of busy pods of revoked descendants: they finish (Drain, default) or not.'),
  secretRef: z
    .object({
      name: name('Secret'),
      key: z.string().min(1).max(253).optional().describe('Key of its data; token when absent.'),
    })
    .optional()
    .describe('A Secret of the user with the value; it is never changed. Harrier makes one when absent.'),
  prefix: valuePrefix
    .optional()
    .describe('What the value begins with; the installation’s (hrt_) when absent.'),
  retention: duration('How long a used OneTime token is kept, 10s at the least; 24h when absent.', {
    min: '1s',
    max: '8760h',
  }).optional(),
};

const mentions = (fields: object) =>
  Object.keys(fields)
    .map((field) => `has(self.${field})`)
    .join(' || ');
const unchanged = (field: string) =>
  `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`;

export const runnerTokenSpec = z
  .object({
    type: z
      .enum(['Runtime', 'Registration'])
      .default('Runtime')
      .describe(
        'Runtime: the identity of one runner while it lives. Registration: lets runners join a pool.',
      ),
    poolRef: z
      .object({ name: name('RunnerPool'), uid: uid('RunnerPool').optional() })
      .describe('The pool of the runners.'),
    scope: entityScope.optional(),
    routing: routing.optional(),
    ...ofRuntime,
    ...ofRegistration,
  })
  .describe('Who the token speaks for, or who may join by it.')
  .meta({
    'x-kubernetes-validations': [
      {
        rule: 'self.type == oldSelf.type',
        message: 'type never changes: make a new token',
        fieldPath: '.type',
      },
      {
        rule: "self.type != 'Runtime' || self == oldSelf",
        message: 'a Runtime token is never re-pointed: make a new one',
      },
      {
        rule: "self.type != 'Runtime' || has(self.podRef) != has(self.runner)",
        message: 'a Runtime token speaks for a podRef or for a runner: name one of the two',
      },
      {
        rule: '!has(self.runner) || has(self.parentRef)',
        message: 'parentRef is required with runner: the Registration token that it joins by',
        fieldPath: '.parentRef',
      },
      {
        rule: '!has(self.supplied) || has(self.runner)',
        message: "supplied is for a token with runner: a pod's runner gets its pool's (spec.token.supplied)",
        fieldPath: '.supplied',
      },
      {
        rule: '!has(self.podRef) || has(self.poolRef.uid)',
        message: 'uid is required with podRef',
        fieldPath: '.poolRef.uid',
      },
      {
        rule: `self.type != 'Registration' || !(${mentions(ofRuntime)})`,
        message: `of a Runtime token alone are ${Object.keys(ofRuntime).join(', ')}`,
      },
      {
        rule: `self.type != 'Runtime' || !(${mentions(ofRegistration)})`,
        message: `of a Registration token alone are ${Object.keys(ofRegistration).join(', ')}`,
      },
      {
        rule: "self.type != 'Registration' || has(self.usage)",
        message: 'usage is required: Reusable or OneTime',
        fieldPath: '.usage',
      },
      {
        rule: `self.type != 'Registration' || (self.poolRef == oldSelf.poolRef && ${['scope', 'secretRef', 'routing', 'prefix'].map(unchanged).join(' && ')})`,
        message: 'poolRef, scope, secretRef, routing and prefix never change: make a new token',
      },
    ],
  });

export const runnerToken = z.looseObject({
  metadata: objectMeta,
  spec: runnerTokenSpec,
  status: runnerTokenStatus.optional(),
});

export type RunnerTokenSpec = z.infer<typeof runnerTokenSpec>;
export type RunnerToken = z.infer<typeof runnerToken>;
export type {
  RunnerReport,
  RunnerState,
  RunnerTokenStatus,
} from './runner_token_status.ts';
export { runnerReport, runnerState, runnerTokenStatus } from './runner_token_status.ts';
