import type { RunnerToken } from '../../resources/runner_token.ts';
import type { IdentityHands } from './give_identity.ts';
import { timestamp, writeTokenStatus } from './token_status.ts';

/** Writes that a Runtime token is over for good. */
export async function endToken(
  token: RunnerToken,
  phase: 'Revoked' | 'Expired',
  { reason, message }: { reason: string; message: string },
  hands: Pick<IdentityHands, 'client' | 'view'>,
  now: Date,
): Promise<void> {
  const revokedAt = phase === 'Revoked' ? timestamp(now) : undefined;
  await writeTokenStatus(token, { phase, reason, message, revokedAt, refreshAt: undefined }, hands);
}
