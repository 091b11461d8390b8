import { createPrivateKey, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import { ForgeError } from '../forge_error.ts';

/** What a GitHub App proves itself with. */
export interface AppKey {
  /** App id or client id. */
  issuer: string;
  key: KeyObject;
}

/** GitHub's clock may be behind ours by so much; and no JWT may be good for more than ten minutes. */
const BACKDATED_S = 60;
const GOOD_FOR_S = 540;

/** Reads the PEM that GitHub lets one download (PKCS #1), or PKCS #8; throws CredentialsInvalid. */
export function appKey(appId: string, pem: string): AppKey {
  const issuer = appId.trim();
  if (!/^[A-Za-z0-9.]{1,64}$/.test(issuer))
    throw new ForgeError('CredentialsInvalid', 'key appId of the Secret is no id of a GitHub App');
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'rsa') return { issuer, key };
  } catch {
    // Told below, without a word of what OpenSSL said about the key.
  }
  throw new ForgeError(
    'CredentialsInvalid',
    'key privateKey of the Secret is no RSA key in PEM: it must be the whole file that GitHub gave for the App',
  );
}

/** https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app */
export function signAppJwt({ issuer, key }: AppKey, now: Date): Promise<string> {
  const seconds = Math.floor(now.getTime() / 1000);
  return new SignJWT()
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .setIssuer(issuer)
    .setIssuedAt(seconds - BACKDATED_S)
    .setExpirationTime(seconds + GOOD_FOR_S)
    .sign(key);
}
