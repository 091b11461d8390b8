import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { compactVerify, decodeProtectedHeader } from 'jose';
import { z } from 'zod';
import type { Answer, Asked } from '../wire.ts';
import { refusal } from './github_routes.ts';

export interface FakeApp {
  id: string;
  /** As GitHub gives it: PEM, PKCS #1. */
  privateKey: string;
  installationId: string;
  /** Paths that the App is installed on: /orgs/acme, /repos/acme/app. */
  installedOn: string[];
  /** Somebody deleted the App, or this key of it. */
  revoked: boolean;
  suspended: boolean;
  /** Of the tokens that it gets; without them 403 is answered. */
  mayAdminister: boolean;
  /** How long its tokens are good, in s. */
  tokenSeconds: number;
}

const claims = z.object({ iss: z.union([z.string(), z.number()]), iat: z.number(), exp: z.number() });

/** Who may ask what, as GitHub tells it. */
export function githubAuth(pats: readonly string[], now: () => number) {
  const { publicKey, privateKey } = APP_KEYS;
  const app: FakeApp = {
    id: '4711',
    privateKey,
    installationId: '815',
    installedOn: [],
    revoked: false,
    suspended: false,
    mayAdminister: true,
    tokenSeconds: 3600,
  };
  const tokens = new Map<string, { until: number; repositories: string[] | undefined }>();

  /** Why the App's JWT is refused; undefined when it is good. */
  async function refusedJwt(jwt: string): Promise<string | undefined> {
    try {
      if (decodeProtectedHeader(jwt).alg !== 'RS256') return 'A JSON web token could not be decoded';
      const { payload } = await compactVerify(jwt, createPublicKey(publicKey));
      const { iss, iat, exp } = claims.parse(JSON.parse(Buffer.from(payload).toString()));
      const seconds = now() / 1000;
      if (app.revoked || String(iss) !== app.id) return 'Integration not found';
      if (iat > seconds)
        return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
      if (exp <= seconds)
        return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
      return exp - seconds > 600 ? "'Expiration time' claim ('exp') is too far in the future" : undefined;
    } catch {
      return 'A JSON web token could not be decoded';
    }
  }

  async function asApp(asked: Asked, path: string): Promise<Answer | undefined> {
    const lookUp = /^(\/.+)\/installation$/.exec(path);
    const access = /^\/app\/installations\/(\d+)\/access_tokens$/.exec(path);
    if (lookUp === null && access === null) return undefined;
    const why = await refusedJwt(bearer(asked));
    if (why !== undefined) return refusal(401, why);
    if (lookUp !== null)
      return isInstalledOn(lookUp[1] ?? '')
        ? { status: 200, body: { id: Number(app.installationId), app_id: Number(app.id) } }
        : refusal(404, 'Not Found');
    if (access?.[1] !== app.installationId) return refusal(404, 'Not Found');
    if (app.suspended) return refusal(403, 'This installation has been suspended');
    const { repositories } = z
      .object({ repositories: z.array(z.string()).optional() })
      .parse(JSON.parse(asked.body));
    const token = `ghs_${randomBytes(18).toString('base64url')}`;
    const until = now() + app.tokenSeconds * 1000;
    tokens.set(token, { until, repositories });
    return { status: 201, body: { token, expires_at: `${new Date(until).toISOString().slice(0, 19)}Z` } };
  }

  function isInstalledOn(path: string): boolean {
    const [, , owner] = path.split('/');
    return app.installedOn.includes(path) || app.installedOn.includes(`/orgs/${owner}`);
  }

  /** Why this bearer may not do this; undefined when it may. */
  function refused(asked: Asked, path: string): Answer | undefined {
    const token = bearer(asked);
    if (pats.includes(token)) return undefined;
    const known = tokens.get(token);
    if (known === undefined || known.until <= now() || app.revoked) return refusal(401, 'Bad credentials');
    const [, kind, , name = ''] = path.split('/');
    const outside = kind === 'repos' && known.repositories?.includes(name) === false;
    if (
      outside ||
      !isInstalledOn(
        path
          .split('/')
          .slice(0, kind === 'repos' ? 4 : 3)
          .join('/'),
      )
    )
      return refusal(404, 'Not Found');
    return app.mayAdminister ? undefined : refusal(403, 'Resource not accessible by integration');
  }

  return { app, asApp, refused };
}

function bearer({ headers }: Asked): string {
  return /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
}

/** One pair for all fakes of a process, made before any test's time runs: it takes longer than most of them. */
const APP_KEYS = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
