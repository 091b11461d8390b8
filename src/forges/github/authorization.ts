import { ForgeError } from '../forge_error.ts';
import type { ForgeHttp } from '../http/forge_http.ts';
import { appKey } from './app_jwt.ts';
import { askInstallationToken } from './installation_token.ts';
import type { GithubScope } from './scope.ts';

/** Who Harrier is to GitHub. */
export interface Authorization {
  /** Value of the header. */
  header(): Promise<string>;
  /** GitHub did not accept this header; whether another one may be had. */
  refused(header: string): boolean;
}

export interface AuthorizationOptions {
  secret: Readonly<Record<string, string>>;
  scope: GithubScope;
  http: ForgeHttp;
  wallClock: () => Date;
}

/** An installation's token is good for an hour; a new one is asked for so long before its end. */
const RENEW_MS = 5 * 60_000;

/** By key token, or by appId and privateKey; throws CredentialsInvalid where the Secret has neither. */
export function githubAuthorization(options: AuthorizationOptions): Authorization {
  const { token, appId, privateKey } = options.secret;
  if (appId !== undefined && privateKey !== undefined) return byApp(options, appId, privateKey);
  const value = token?.trim() ?? '';
  if (!/^[\x21-\x7e]+$/.test(value))
    throw new ForgeError(
      'CredentialsInvalid',
      'the Secret must have the keys appId and privateKey of a GitHub App, or the key token of a personal access token',
    );
  return { header: async () => `Bearer ${value}`, refused: () => false };
}

function byApp(options: AuthorizationOptions, appId: string, privateKey: string): Authorization {
  const { wallClock, secret } = options;
  const app = appKey(appId, privateKey);
  const installationId = secret.installationId?.trim();
  if (installationId !== undefined && !/^\d{1,20}$/.test(installationId))
    throw new ForgeError('CredentialsInvalid', 'key installationId of the Secret is no number');
  let known: { header: string; until: number } | undefined;
  let asking: Promise<string> | undefined;

  async function renew(): Promise<string> {
    const { token, until } = await askInstallationToken({ ...options, app, installationId });
    known = { header: `Bearer ${token}`, until };
    return known.header;
  }

  return {
    async header() {
      if (known !== undefined && known.until - wallClock().getTime() > RENEW_MS) return known.header;
      asking ??= renew().finally(() => {
        asking = undefined;
      });
      return asking;
    },
    refused(header) {
      if (known?.header === header) known = undefined;
      return true;
    },
  };
}
