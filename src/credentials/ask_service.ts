import type { Supplied } from '../resources/supplied.ts';
import { type Answer, type GuardedGet, Unreachable } from './guarded_get.ts';
import { scopesIn, subjectIn } from './identity_words.ts';
import { atPointer } from './json_pointer.ts';
import { recordedOf } from './recorded.ts';
import { refusedCredential, type Verdict } from './verdict.ts';

type Validate = NonNullable<Supplied['validate']>;
type Place = NonNullable<Validate['subject']>;

/** Asks the service of `validate` about the credential. `path` is the field's, such as spec.token.supplied.validate. */
export async function askService(
  credential: string,
  validate: Validate,
  path: string,
  get: GuardedGet,
): Promise<Verdict> {
  const presented = validate.scheme === '' ? credential : `${validate.scheme} ${credential}`;
  try {
    return readAnswer(await get(validate.url, { [validate.header]: presented }), validate, path);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return refusedCredential('CredentialUnverifiable', `${path}.url ${error.message}; it is asked again`);
  }
}

/** What the service's answer says of the credential; pure. Of the answer only subject and scopes go further. */
export function readAnswer(answer: Answer, validate: Validate, path: string): Verdict {
  const { status } = answer;
  if (status === 401 || status === 403)
    return refusedCredential(
      'CredentialInvalid',
      `${path}: the service refuses the credential (${status}); put a good one into the Secret`,
    );
  if (status !== validate.expectStatus)
    return refusedCredential(
      'CredentialUnverifiable',
      `${path}.url answers ${status} and not ${validate.expectStatus}; correct it, or wait for the service`,
    );
  const subject = found(answer, validate.subject, subjectIn);
  if (subject === 'nothing') return missing(`${path}.subject`, validate.subject);
  const scopes = found(answer, validate.scopes, scopesIn);
  if (scopes === 'nothing') return missing(`${path}.scopes`, validate.scopes);
  return { good: true, recorded: recordedOf(subject?.value, scopes?.value) };
}

function found<T>(
  answer: Answer,
  place: Place | undefined,
  read: (value: unknown) => T | undefined,
): { value: T } | 'nothing' | undefined {
  if (place === undefined) return undefined;
  const value = read(
    place.header === undefined ? inBody(answer.body, place.pointer ?? '') : inHeaders(answer, place.header),
  );
  return value === undefined ? 'nothing' : { value };
}

function inBody(body: string, pointer: string): unknown {
  try {
    return atPointer(JSON.parse(body), pointer);
  } catch {
    // Not JSON: there is nothing at any pointer.
    return undefined;
  }
}

function inHeaders({ headers }: Answer, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(',') : value;
}

function missing(path: string, place: Place | undefined): Verdict {
  const where = place?.header === undefined ? `at ${place?.pointer}` : `in a header ${place.header}`;
  return refusedCredential(
    'CredentialUnverifiable',
    `${path}: the answer has nothing usable ${where}; correct the field or leave it out`,
  );
}
