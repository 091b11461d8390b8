import { z } from 'zod';

/**
 * Every error the api answers, once: code → HTTP status and title (RFC 9457).
 * The code is stable and ends the problem's `type` URI; the detail is for a person and never holds a secret.
 */
export const PROBLEMS = {
  'bad-request': [400, 'The request is malformed'],
  'invalid-cache-key': [400, 'The cache key is not acceptable'],
  'invalid-cache-version': [400, 'The cache version is not hexadecimal'],
  'cache-size-mismatch': [400, 'The size does not match what was uploaded'],
  'cache-checksum-mismatch': [400, 'The bytes stored are not those that were sent'],
  'cache-unknown-part': [400, 'The list names a part that was not uploaded'],
  'cache-empty-commit': [400, 'Nothing was uploaded'],
  'invalid-artifact': [400, 'The artifact is not described acceptably'],
  unauthorized: [401, 'The bearer token is not acceptable'],
  'webhook-refused': [401, 'The webhook is not acceptable'],
  'permission-denied': [403, "The token's permissions do not allow this"],
  'artifact-quota': [403, 'The artifacts have all the room that they may have'],
  'url-signature': [403, 'The signed URL is not valid or has expired'],
  'credential-not-held': [403, 'The credential is not this runner’s to take'],
  'join-not-held': [403, 'What the runner joins its forge with is not this runner’s to take'],
  'registration-inactive': [403, 'The registration token lets nobody in at present'],
  'registration-expired': [403, 'The registration token has expired'],
  'not-found': [404, 'There is nothing here'],
  'method-not-allowed': [405, 'The path is not for this method'],
  'cache-entry-exists': [409, 'An entry of this key and version exists or is being written'],
  'artifact-exists': [409, 'An artifact of this name exists in the run or is being uploaded'],
  'registration-used': [409, 'The registration token is used up'],
  'runner-exists': [409, 'A live runner of this name is in the pool'],
  'credential-handed-out': [409, 'The credential was handed out to this attempt already'],
  'join-handed-out': [409, 'What the runner joins its forge with was handed out to this attempt already'],
  'wrong-state': [409, 'The endpoint does not serve runners in this state'],
  'illegal-transition': [409, 'The runner cannot go to this state from the one it is in'],
  'stale-write': [409, 'Another write came first; read again and retry'],
  'cache-entry-too-large': [413, 'The cache entry is larger than its pool allows'],
  'body-too-large': [413, 'The body is larger than allowed'],
  'unsupported-media-type': [415, 'The media type is not supported'],
  'unprocessable-content': [422, 'A field has an unacceptable value'],
  'upgrade-required': [426, 'This endpoint speaks WebSocket only'],
  'too-many-requests': [429, 'Too many requests'],
  'internal-error': [500, 'Something failed on our side'],
  'cell-unknown': [404, 'There is no such cell'],
  'cell-unavailable': [502, 'The cell does not answer'],
  unavailable: [503, 'The service cannot answer now; retry'],
  'cache-store-full': [507, 'The store has no room left'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** The body of every error answer, `application/problem+json`. */
export const problemDetails = z.object({
  type: z.string().describe('URI of the kind of problem, ending in its code.'),
  title: z.string().describe('The kind of problem in words.'),
  status: z.int().describe('The HTTP status.'),
  detail: z.string().describe('What is wrong, where, and what to do.'),
  code: z.string().describe('Stable code of the kind of problem.'),
  instance: z.string().optional().describe('Id of the request, to find it in the log.'),
  errors: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .optional()
    .describe('For each unacceptable field: its path and what is wrong with it.'),
});

export type ProblemDetails = z.infer<typeof problemDetails>;
