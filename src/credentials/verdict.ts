import type { Recorded } from '../resources/supplied.ts';

/** Why a credential is not to be used; each is a reason of the condition Degraded. */
export const CREDENTIAL_REASONS = [
  'CredentialSecretMissing',
  'CredentialInvalid',
  'CredentialExpired',
  'CredentialUnverifiable',
] as const;
export type CredentialReason = (typeof CREDENTIAL_REASONS)[number];

/** What was found out about a credential. Never holds it, nor anything that a service said beside `recorded`. */
export type Verdict = GoodCredential | RefusedCredential;

export interface GoodCredential {
  good: true;
  recorded: Recorded;
  /** When it expires, in ms since the epoch, as far as it says so itself. */
  expiresAtMs?: number | undefined;
}

export interface RefusedCredential {
  good: false;
  reason: CredentialReason;
  /** For a person: the field it is about, what is wrong, what to do. */
  message: string;
}

export function refusedCredential(reason: CredentialReason, message: string): RefusedCredential {
  return { good: false, reason, message };
}
