import type { Exchange, Handler } from './handlers.ts';
import { sendEmpty } from './handlers.ts';

export const GITEA_REGISTRATION_PREFIX = '/_internal/';
const CALLS = new Set(['register', 'revoke']);

/**
 * Gitea's runner tells an external cache server the token of each job, before it and after it, and warns in the job's
 * log when it isn't heard. Who asks is known here by the pod's own token: nothing is kept of it, nor sent on.
 */
export function giteaRegistrationHandler(): Handler {
  return async ({ request, response, path }: Exchange) => {
    request.resume();
    const known = CALLS.has(path.slice(GITEA_REGISTRATION_PREFIX.length));
    sendEmpty(response, known && request.method === 'POST' ? 204 : 404);
  };
}
