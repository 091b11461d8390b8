import type { KubeClient } from '../../kube/types.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import type { IssuedToken } from '../../tokens/issue.ts';
import type { Handover } from '../handover.ts';
import type { View } from '../view.ts';
import { serveTokenRequest } from './token_request.ts';

/** What answering a runner's request needs. */
export interface RequestHands {
  client: KubeClient;
  view: View;
  handover: Handover;
  issue(token: RunnerToken, pool: RunnerPool): Promise<IssuedToken>;
}

/** Answers what a runner asks of the controller through the api (status.request), once each. */
export async function serveRequest(token: RunnerToken, pool: RunnerPool, hands: RequestHands): Promise<void> {
  const request = token.status?.request;
  if (request === undefined || request.id === token.status?.served) return;
  switch (request.what) {
    case 'Token':
      return await serveTokenRequest(request.id, token, pool, hands);
    case 'Credential':
      return;
  }
}
