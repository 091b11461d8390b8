import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { JobIdentityIssuer } from '../../../src/resources/pool_cache.ts';

/** What a job's token grants: scope and permission, as `ac` has them. */
export type Granted = readonly [scope: string, permission: number];

export interface JobIssuer {
  /** As a pool's spec.cache.jobIdentity names it. */
  readonly identity: JobIdentityIssuer;
  readonly key: CryptoKey;
  readonly kid: string;
  /** How often its keys were asked for. */
  readonly asked: () => number;
  /** The token of a job of that repository, as GitHub makes them. */
  token(repositoryId: string, granted: readonly Granted[], more?: JWTPayload): Promise<string>;
  /** Signs whatever it is given, by this key or another. */
  sign(claims: JWTPayload, by?: { key: CryptoKey; kid: string }): Promise<string>;
  /** From now on its keys can't be had. */
  stop(): void;
}

export const ISSUER = 'https://token.actions.forge.example.com';

/** An issuer of jobs' tokens with RSA keys, as GitHub's are, whose keys are served on this machine. */
export async function startJobIssuer(): Promise<JobIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const kid = 'job-key';
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    response.end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sign: JobIssuer['sign'] = (claims, by = { key: privateKey, kid }) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: by.kid }).sign(by.key);
  return {
    identity: {
      issuer: ISSUER,
      jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/.well-known/jwks`,
    },
    key: privateKey,
    kid,
    asked: () => asked,
    sign,
    token: (repositoryId, granted, more = {}) => sign(claimsOf(repositoryId, granted, more)),
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export function claimsOf(
  repositoryId: string,
  granted: readonly Granted[],
  more: JWTPayload = {},
): JWTPayload {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: ISSUER,
    nbf: now - 10,
    iat: now,
    exp: now + 3600,
    scp: 'Actions.Results:run:job',
    repository_id: repositoryId,
    ac: JSON.stringify(granted.map(([Scope, Permission]) => ({ Scope, Permission }))),
    ...more,
  };
}
