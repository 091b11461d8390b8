import { ForgeError } from '../forge_error.ts';
import type { ForgeHttp } from '../http/forge_http.ts';
import { installation, installationToken } from './answers.ts';
import { type AppKey, signAppJwt } from './app_jwt.ts';
import { MEDIA } from './media.ts';
import type { GithubScope } from './scope.ts';

export interface InstallationOptions {
  http: ForgeHttp;
  app: AppKey;
  /** Looked up by the scope when absent. */
  installationId: string | undefined;
  scope: GithubScope;
  wallClock: () => Date;
}

/** Asks GitHub for a token of the App's installation; resolves with it and the time in ms when it ends. */
export async function askInstallationToken(
  options: InstallationOptions,
): Promise<{ token: string; until: number }> {
  const { http, app, scope, wallClock } = options;
  const headers = { ...MEDIA, authorization: `Bearer ${await signAppJwt(app, wallClock())}` };
  const id = options.installationId ?? (await findInstallation(http, scope, headers));
  const { value } = await asApp(() =>
    http.call({
      method: 'POST',
      path: `/app/installations/${encodeURIComponent(id)}/access_tokens`,
      headers,
      // Not more than the pool is for: a token of a repository's pool can do nothing to another.
      body: scope.repository === undefined ? {} : { repositories: [scope.repository] },
      answer: installationToken,
      doing: `get a token of the GitHub App for the ${scope.words}`,
      repeatable: true,
    }),
  );
  return { token: value.token, until: Date.parse(value.expires_at) };
}

async function findInstallation(http: ForgeHttp, scope: GithubScope, headers: Record<string, string>) {
  const { value } = await asApp(() =>
    http.call({
      method: 'GET',
      path: `${scope.path}/installation`,
      headers,
      answer: installation,
      doing: `find the installation of the GitHub App on the ${scope.words}`,
    }),
  );
  return String(value.id);
}

/** Says what the App lacks: the same status means something else where a token is used. */
async function asApp<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const todo = error instanceof ForgeError ? TO_DO[error.reason] : undefined;
    if (!(error instanceof ForgeError) || todo === undefined) throw error;
    throw new ForgeError(error.reason, `${error.message} (${todo})`, error.retryAfterMs, error.status);
  }
}

const TO_DO: Partial<Record<ForgeError['reason'], string>> = {
  Unauthorized:
    'appId and privateKey must be of one App that still exists, with a key that was not deleted; also compare the clocks',
  Forbidden: 'the installation may be suspended',
  NotFound: 'install the App there, or correct installationId',
  Refused: 'the installation must include this repository',
};
