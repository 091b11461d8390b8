/**
 * Why the forge did not do what it was asked.
 *
 * - CredentialsInvalid: the Secret lacks a key, or holds what can't be one; nothing was asked.
 * - HostNotAllowed: the URL leads where the installation does not allow; nothing was asked.
 * - Unauthorized: 401; Forbidden: 403 that is no rate limit; NotFound: 404 of the scope itself.
 * - Refused: another 4xx, such as 422; Unreadable: an answer that is not what the API promises, such as HTML.
 * - RateLimited: the forge says when to come again; Unavailable: no answer, or 5xx.
 */
export type ForgeErrorReason =
  | 'CredentialsInvalid'
  | 'HostNotAllowed'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'Refused'
  | 'Unreadable'
  | 'RateLimited'
  | 'Unavailable';

/** Reasons that no waiting mends: somebody has to change the pool, its Secret or the forge. */
const FOR_A_PERSON: readonly ForgeErrorReason[] = [
  'CredentialsInvalid',
  'HostNotAllowed',
  'Unauthorized',
  'Forbidden',
  'NotFound',
];

/** The message is for the pool's owner: what was tried, what came back, what to do. No secret, no body of an answer. */
export class ForgeError extends Error {
  override readonly name = 'ForgeError';
  readonly reason: ForgeErrorReason;
  /** When it may be tried again, in ms from now, where the forge said so. */
  readonly retryAfterMs: number | undefined;
  /** The answer's HTTP status; undefined where there was no answer. */
  readonly status: number | undefined;

  constructor(reason: ForgeErrorReason, message: string, retryAfterMs?: number, status?: number) {
    super(message);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
    this.status = status;
  }

  get forPerson(): boolean {
    return FOR_A_PERSON.includes(this.reason);
  }
}
