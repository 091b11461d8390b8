import type { Recorded } from '../resources/supplied.ts';

/** Shorter parts may well be a name, such as the UUID's short form or a prefix. */
const LEAST_SECRET = 16;

/**
 * Whether what would be recorded has the credential or a part of it in it: a service may echo what it was sent, and a
 * pointer may lead there by mistake. The second part of `v2/<uuid>/<secret>` is a public name.
 */
export function givesAway({ subject, scopes }: Recorded, credential: string): boolean {
  const [form, ...rest] = credential.split('/');
  const parts = form === 'v2' ? rest.slice(1) : [form ?? '', ...rest];
  const secrets = [credential, ...parts.flatMap((part) => [part, ...part.split('.')])].filter(
    (one, index) => index === 0 || one.length >= LEAST_SECRET,
  );
  const shown = [subject ?? '', ...(scopes ?? [])];
  return shown.some((text) => text !== '' && secrets.some((secret) => text.includes(secret)));
}
