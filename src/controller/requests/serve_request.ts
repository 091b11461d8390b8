import type { EventRecorder } from '../../kube/events.ts';
import type { KubeClient } from '../../kube/types.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken, RunnerTokenStatus } from '../../resources/runner_token.ts';
import type { IssuedToken } from '../../tokens/issue.ts';
import type { Credentials } from '../credentials/credentials.ts';
import type { Forges } from '../forge/forges.ts';
import type { Handover } from '../handover.ts';
import type { View } from '../view.ts';
import { serveCredentialRequest } from './credential_request.ts';
import type { InBackground } from './in_background.ts';
import { serveJoinRequest } from './join_request.ts';
import { serveTokenRequest } from './token_request.ts';

/** What answering a runner's request needs. */
export interface RequestHands {
  client: KubeClient;
  view: View;
  handover: Handover;
  credentials: Credentials;
  events: EventRecorder;
  forges: Forges;
  inBackground: InBackground;
  /** Asks the pool's forge soon whether a runner has joined. */
  lookAtForge(pool: RunnerPool): void;
  issue(token: RunnerToken, pool: RunnerPool): Promise<IssuedToken>;
  now(): Date;
}

/** Answers what a runner asks of the controller through the api (status.request), once each. */
export async function serveRequest(token: RunnerToken, pool: RunnerPool, hands: RequestHands): Promise<void> {
  const request = token.status?.request;
  if (request === undefined || unansweredRequest(token.status) === undefined) return;
  switch (request.what) {
    case 'Token':
      return await serveTokenRequest(request.id, token, pool, hands);
    case 'Credential':
      return await serveCredentialRequest(request, token, pool, hands);
    case 'Join':
      return hands.inBackground(token, request.id, () => serveJoinRequest(request, token, pool, hands));
  }
}

/** Id of what the runner asks for and was not answered yet. */
export function unansweredRequest(
  status: Pick<RunnerTokenStatus, 'request' | 'served'> | undefined,
): string | undefined {
  return status?.request?.id === status?.served ? undefined : status?.request?.id;
}
