import type { IncomingMessage } from 'node:http';

const HARRIER_CLAIM = 'harrier.dev';
/** Longer than any forge’s token. With the pod’s own it must go into the 16 KiB of headers that the api takes. */
const MOST_LENGTH = 7 * 1024;

/** The token that the forge gave the job, as its cache client presents it; undefined when it presents none. */
export function jobTokenOf(request: Pick<IncomingMessage, 'headers'>): string | undefined {
  const token = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(request.headers.authorization ?? '')?.[1];
  return token === undefined || token.length > MOST_LENGTH ? undefined : token;
}

/**
 * Whether the pod's own token says that its pool takes cache scopes from jobs. Only then is a job's token handed on:
 * it may be worth more at the forge than what it would be used for here. Read unverified, which is the api's to do.
 */
export function createAsksForJob(): (podToken: string) => boolean {
  let seen = '';
  let asks = false;
  return (podToken) => {
    if (podToken !== seen) {
      seen = podToken;
      asks = saysSo(podToken);
    }
    return asks;
  };
}

function saysSo(podToken: string): boolean {
  try {
    const payload = Buffer.from(podToken.split('.')[1] ?? '', 'base64url').toString('utf8');
    const claims = JSON.parse(payload) as Record<string, { cache?: { jobIdentity?: unknown } } | undefined>;
    return claims[HARRIER_CLAIM]?.cache?.jobIdentity !== undefined;
  } catch {
    return false;
  }
}
