import type { z } from 'zod';
import { ForgeError } from '../forge_error.ts';
import type { Answered } from './ask_once.ts';
import type { ForgeAnswer } from './forge_http.ts';

interface Reading<T> {
  answer: z.ZodType<T>;
  doing: string;
  /** Origin of the forge, for messages. */
  origin: string;
  /** Name of the Secret with its credentials. */
  secret: string;
  /** How long the forge wants no more requests, in ms; undefined where it did not refuse for that. */
  limitedMs: number | undefined;
}

/** The answer's value; throws ForgeError for any other than a 2xx with what was promised; pure. */
export function readAnswer<T>(answered: Answered, reading: Reading<T>): ForgeAnswer<T> {
  const { status, headers } = answered;
  if (status < 200 || status > 299) throw refusal(answered, reading);
  const read = reading.answer.safeParse(parse(answered, reading));
  if (!read.success) {
    const at = read.error.issues[0]?.path.join('.') || 'the whole';
    throw new ForgeError(
      'Unreadable',
      `cannot ${reading.doing}: ${reading.origin} answered JSON that is not what its API promises (at ${at}): is spec.forge.url that of this type of forge?`,
      undefined,
      status,
    );
  }
  return { status, headers, value: read.data };
}

function parse({ text, headers, status }: Answered, { doing, origin }: Reading<unknown>): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const what = /html/i.test(headers['content-type'] ?? '') ? 'a web page' : 'something else';
    throw new ForgeError(
      'Unreadable',
      `cannot ${doing}: ${origin} answered ${what} where JSON should be: is spec.forge.url right, and does no login page stand before it?`,
      undefined,
      status,
    );
  }
}

function refusal({ status, headers }: Answered, reading: Reading<unknown>): ForgeError {
  const { doing, origin, secret, limitedMs } = reading;
  const said = `cannot ${doing}: ${origin} answered ${status}`;
  const because = (reason: ForgeError['reason'], todo: string, retryAfterMs?: number) =>
    new ForgeError(reason, `${said}: ${todo}`, retryAfterMs, status);
  if (limitedMs !== undefined)
    return because(
      'RateLimited',
      `its rate limit is used up; it is asked again in ${Math.ceil(limitedMs / 1000)} s`,
      limitedMs,
    );
  if (status === 401)
    return because('Unauthorized', `it does not accept the credentials; renew them in Secret ${secret}`);
  if (status === 403)
    return because(
      'Forbidden',
      `the credentials in Secret ${secret} lack a permission for it (docs/forges.md)`,
    );
  if (status === 404)
    return because(
      'NotFound',
      'there is no such thing, or the credentials may not see it; check spec.forge.scope and url',
    );
  if (status >= 300 && status < 400)
    return because(
      'Unreadable',
      `a redirect${ofSameHost(headers, origin)}, and none is followed; write the final address into spec.forge`,
    );
  if (status >= 500) return because('Unavailable', 'the forge has a fault of its own; it is asked again');
  return because('Refused', 'it does not want to do this');
}

/** Where it leads is told only if it is the same forge: a renamed repository. Anything else may be a trap. */
function ofSameHost({ location }: Answered['headers'], origin: string): string {
  try {
    const url = new URL(location ?? '', origin);
    return url.origin === origin ? ' within the forge (was something renamed?)' : ' to another host';
  } catch {
    return '';
  }
}
