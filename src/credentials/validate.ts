import type { Supplied } from '../resources/supplied.ts';
import { askService } from './ask_service.ts';
import { createCheckJwt } from './check_jwt.ts';
import { expiryIn } from './expiry.ts';
import { credentialIn } from './form.ts';
import { givesAway } from './gives_away.ts';
import type { GuardedGet } from './guarded_get.ts';
import { recordedOf } from './recorded.ts';
import { refusedCredential, type Verdict } from './verdict.ts';

/**
 * Finds out whether the credential in a Secret's value is good and whom it speaks for. `path` is where `supplied`
 * stands in its object, such as spec.token.supplied; it goes into the messages.
 */
export type ValidateCredential = (value: Buffer, supplied: Supplied, path: string) => Promise<Verdict>;

export function createValidateCredential({
  get,
  now,
}: {
  get: GuardedGet;
  now: () => Date;
}): ValidateCredential {
  const checkJwt = createCheckJwt(get);

  async function judged(credential: string, supplied: Supplied, path: string): Promise<Verdict> {
    const { jwks, validate } = supplied;
    if (jwks !== undefined) return await checkJwt(credential, jwks, `${path}.jwks`, now());
    if (validate !== undefined) return await askService(credential, validate, `${path}.validate`, get);
    return { good: true, recorded: recordedOf(undefined, undefined) };
  }

  return async (value, supplied, path) => {
    const { name, key } = supplied.secretRef;
    const where = `${path}.secretRef: key ${key} of Secret ${name}`;
    const form = credentialIn(value);
    if ('problem' in form) return refusedCredential('CredentialInvalid', `${where} ${form.problem}`);

    const expiresAtMs = expiryIn(form.credential);
    if (expiresAtMs !== undefined && expiresAtMs <= now().getTime())
      return refusedCredential('CredentialExpired', `${where} has expired; put a new one there`);

    const verdict = await judged(form.credential, supplied, path);
    if (!verdict.good) return verdict;
    if (givesAway(verdict.recorded, form.credential))
      return refusedCredential(
        'CredentialUnverifiable',
        `${path}: subject or scopes, as they are looked for, are the credential itself; correct where they stand`,
      );
    return { ...verdict, expiresAtMs: verdict.expiresAtMs ?? expiresAtMs };
  };
}
