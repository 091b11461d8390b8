import { z } from 'zod';
import { conditions } from './conditions.ts';
import { recorded } from './supplied.ts';

const time = (description: string) =>
  z.string().max(64).meta({ format: 'date-time' }).optional().describe(description);

/** A runner's states, in the order in which it may go through them. */
export const runnerState = z
  .enum(['Installing', 'Idle', 'Busy', 'Terminated'])
  .describe('Installing, Idle, Busy or Terminated.');

export const runnerReport = z
  .object({
    state: runnerState,
    since: z.string().max(64).meta({ format: 'date-time' }).describe('When the runner reported this state.'),
    message: z.string().max(1024).optional().describe('What the runner said of it.'),
    busySince: time('When the runner reported that it got its job; absent for one that never had any.'),
  })
  .describe('What the runner last said of itself; written by the api.');

/** One attempt's claim to something that is handed out once. */
const claim = z.object({
  request: z.string().min(1).max(64).describe('Id of the request that it is or was handed out by.'),
  call: z
    .string()
    .max(64)
    .optional()
    .describe('SHA-256 of its Idempotency-Key: the same call may be repeated when its answer got lost.'),
  claimedAt: z
    .string()
    .max(64)
    .meta({ format: 'date-time' })
    .describe('When it was asked for; no other request is answered for some seconds.'),
  handedOutAt: time('When this attempt got it; absent while it has not.'),
});

/** The runner's record in its forge. */
export const forgeRecord = z
  .object({
    id: z.string().min(1).max(256).describe('The forge’s id of the record.'),
    name: z.string().min(1).max(256).describe('Its name there.'),
    joinedAt: time('When the forge first said that the runner is connected.'),
    removedAt: time('When the record was found to be gone, or was removed.'),
  })
  .describe('The runner’s record in its forge; absent before it was made.');
export type ForgeRecord = z.infer<typeof forgeRecord>;

/** What the api writes of a Runtime token; each of its writes carries all of it. */
const ofRuntimeByApi = {
  runner: runnerReport.optional(),
  replacedBy: z
    .string()
    .max(253)
    .optional()
    .describe('Name of the token of the next attempt; from then on this one is refused. Written by the api.'),
  endedAt: time('When the runner deregistered. Written by the api.'),
  request: z
    .object({
      id: z.string().min(1).max(64).describe('Another for each request.'),
      what: z
        .enum(['Token', 'Credential', 'Join'])
        .describe('A fresh JWT, the supplied credential, or what it joins the forge with.'),
      at: z.string().max(64).meta({ format: 'date-time' }).describe('When it was asked for.'),
    })
    .optional()
    .describe('What the runner asks of the controller. Written by the api.'),
  credential: claim
    .optional()
    .describe('That this attempt asked for the supplied credential, and got it. Written by the api.'),
  join: claim
    .optional()
    .describe('That this attempt asked for what it joins the forge with, and got it. Written by the api.'),
};

/** What the api writes of a Registration token. */
const ofRegistrationByApi = {
  uses: z.int().min(0).optional().describe('Registrations it was used for. Written by the api.'),
  lastUsedAt: time('When it was last used. Written by the api.'),
  lastUsedBy: z.string().max(63).optional().describe('Name of the runner that last joined by it.'),
  recentUses: z
    .array(
      z
        .object({
          runner: z.string().max(63).describe('Name of the runner.'),
          request: z.string().max(64).describe('SHA-256 of its registration.'),
          at: z.string().max(64).meta({ format: 'date-time' }).describe('When.'),
        })
        .describe('One use.'),
    )
    .max(32)
    .optional()
    .describe('The newest uses: one that broke off may be repeated without another use.')
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
};

export const runnerTokenStatus = z
  .object({
    observedGeneration: z.int().min(0).optional().describe('The metadata.generation last acted upon.'),
    phase: z
      .enum(['Pending', 'Active', 'Inactive', 'Used', 'Revoked', 'Expired'])
      .default('Pending')
      .describe(
        'Only an Active token is accepted. Runtime: Pending until its JWT is there. Registration: Inactive and Used may become Active again.',
      ),
    reason: z.string().max(128).optional().describe('Why the phase is what it is, one CamelCase word.'),
    message: z.string().max(1024).optional().describe('The same for a person.'),
    secretRef: z
      .object({ name: z.string().min(1).max(253).describe('Name of the Secret.') })
      .optional()
      .describe('The Secret that holds the JWT, or the registration token’s value.'),
    tokenHash: z
      .string()
      .max(64)
      .optional()
      .describe('SHA-256 in base64url of a registration token’s value: by it the api knows the token.'),
    poolUid: z.string().max(64).optional().describe('UID of the pool that poolRef was found to mean.'),
    runners: z.int().min(0).optional().describe('Descendants of a Registration token that live.'),
    keyId: z.string().max(128).optional().describe('kid of the key that signed the newest JWT.'),
    issuedAt: time('When the newest JWT was issued.'),
    refreshAt: time('When the next will be; absent while the runner itself has to ask.'),
    expiresAt: time('When the newest JWT expires.'),
    revokedAt: time('When the token was revoked.'),
    served: z
      .string()
      .max(64)
      .optional()
      .describe('Id of the request that was last answered, by the controller.'),
    recorded: recorded.optional(),
    forge: forgeRecord.optional(),
    ...ofRuntimeByApi,
    ...ofRegistrationByApi,
    conditions: conditions.default([]),
  })
  .describe('What became of the token; written by the controller but for what says otherwise.');

/** The fields of the status that the api owns: its every write carries them all, or they would be taken away. */
export const API_STATUS_FIELDS = [
  ...Object.keys(ofRuntimeByApi),
  ...Object.keys(ofRegistrationByApi),
] as readonly (keyof typeof ofRuntimeByApi | keyof typeof ofRegistrationByApi)[];

export type RunnerTokenStatus = z.infer<typeof runnerTokenStatus>;
export type RunnerReport = z.infer<typeof runnerReport>;
export type RunnerState = z.infer<typeof runnerState>;
