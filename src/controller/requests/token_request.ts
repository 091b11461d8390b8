import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken, RunnerTokenStatus } from '../../resources/runner_token.ts';
import type { IssuedToken } from '../../tokens/issue.ts';
import type { HandedOver } from '../handover.ts';
import { timestamp, writeTokenStatus } from '../token/token_status.ts';
import type { RequestHands } from './serve_request.ts';

/** A fresh JWT for a runner that has no Secret to read it from. */
export async function serveTokenRequest(
  id: string,
  token: RunnerToken,
  pool: RunnerPool,
  hands: RequestHands,
): Promise<void> {
  const issued = await hands.issue(token, pool);
  await Promise.all([
    hands.handover.put(token.metadata.uid, id, issuedValues(issued)),
    // A revocation that came meanwhile must not be written over.
    writeTokenStatus(token, { ...issuedStatus(issued), served: id }, hands, { unchanged: true }),
  ]);
}

/** What is handed over of an issued token. */
export function issuedValues({ jwt, agentJwt, expiresAt }: IssuedToken): HandedOver {
  return {
    token: jwt,
    ...(agentJwt === undefined ? {} : { agentToken: agentJwt }),
    expiresAt: expiresAt.toISOString(),
  };
}

/** What the status says of it. */
export function issuedStatus({
  kid,
  issuedAt,
  expiresAt,
}: IssuedToken): Pick<RunnerTokenStatus, 'keyId' | 'issuedAt' | 'expiresAt'> {
  return { keyId: kid, issuedAt: timestamp(issuedAt), expiresAt: timestamp(expiresAt) };
}
