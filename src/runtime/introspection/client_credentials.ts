const SCHEME = /^basic +/i;

export interface ClientCredentials {
  id: string;
  secret: string;
}

/**
 * Id and secret of an Authorization header (client_secret_basic, RFC 6749 section 2.3.1): Basic, whose two halves are
 * each form-urlencoded before they are joined by a colon. Undefined for what isn't that.
 */
export function clientCredentials(header: string | undefined): ClientCredentials | undefined {
  const scheme = SCHEME.exec(header ?? '');
  if (header === undefined || scheme === null) return undefined;
  const text = Buffer.from(header.slice(scheme[0].length), 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) return undefined;
  const id = formDecoded(text.slice(0, colon));
  const secret = formDecoded(text.slice(colon + 1));
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

function formDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
