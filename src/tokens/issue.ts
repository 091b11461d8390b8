import { CompactSign, importJWK } from 'jose';
import type { RunnerPool } from '../resources/runner_pool.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { buildClaims } from './build_claims.ts';
import { HARRIER_CLAIM, type RuntimeClaims, runtimeClaims, TOKEN_ALGORITHM, TOKEN_TYPE } from './claims.ts';
import { type VerificationKeys, verificationKeys } from './jwks.ts';
import { publicKeySetOf, type SigningKey } from './keys.ts';
import { withLowS } from './low_s.ts';
import { refreshTime } from './refresh.ts';
import { createVerifier } from './verify.ts';

export interface IssueRequest {
  token: RunnerToken;
  pool: RunnerPool;
  issuer: string;
  /** The api's own audience. */
  audience: string;
  /** The key that signs now (keyThatSigns). */
  key: SigningKey;
  now: Date;
}

export interface IssuedToken {
  /** The secret: it goes into the runner's Secret and nowhere else. */
  jwt: string;
  /** The same for the agent connection, where the token asks for one. */
  agentJwt?: string | undefined;
  claims: RuntimeClaims;
  kid: string;
  issuedAt: Date;
  refreshAt: Date;
  expiresAt: Date;
}

/**
 * Issues the JWT of a RunnerToken. What comes out has been verified the way the api will do it: a token that would be
 * refused is an error here instead of a runner that can't work there.
 */
export async function issueToken(request: IssueRequest): Promise<IssuedToken> {
  const { key, token } = request;
  const claims = runtimeClaims.parse(buildClaims({ ...request, agent: false }));
  const jwt = await signed(claims, request);
  const agentJwt =
    token.spec.agent === true
      ? await signed(runtimeClaims.parse(buildClaims({ ...request, agent: true })), request)
      : undefined;

  const issuedAt = new Date(claims.iat * 1000);
  const expiresAt = new Date(claims.exp * 1000);
  return {
    jwt,
    agentJwt,
    claims,
    kid: key.jwk.kid,
    issuedAt,
    refreshAt: refreshTime(claims.jti, issuedAt, expiresAt),
    expiresAt,
  };
}

async function signed(claims: RuntimeClaims, { issuer, key, now }: IssueRequest): Promise<string> {
  const { privateKey, publicKeys } = await imported(key);
  const jwt = withLowS(
    await new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: TOKEN_ALGORITHM, typ: TOKEN_TYPE, kid: key.jwk.kid })
      .sign(privateKey),
  );
  const verifier = createVerifier({
    issuer,
    audience: claims.aud[0] ?? '',
    agent: claims[HARRIER_CLAIM].agent,
    now: () => now.getTime(),
    remembered: 0,
  });
  verifier.useKeys(publicKeys);
  await verifier.verify(jwt);
  return jwt;
}

interface ImportedKey {
  privateKey: Awaited<ReturnType<typeof importJWK>>;
  publicKeys: VerificationKeys;
}

/** Importing takes longer than signing, and a key signs for hundreds of runners in a row. */
const importedKeys = new WeakMap<SigningKey, Promise<ImportedKey>>();

function imported(key: SigningKey): Promise<ImportedKey> {
  let known = importedKeys.get(key);
  if (known === undefined) {
    known = importBoth(key);
    importedKeys.set(key, known);
  }
  return known;
}

async function importBoth(key: SigningKey): Promise<ImportedKey> {
  const [privateKey, publicKeys] = await Promise.all([
    importJWK(key.jwk, TOKEN_ALGORITHM),
    verificationKeys(publicKeySetOf([key])),
  ]);
  return { privateKey, publicKeys };
}
