import type { ServerResponse } from 'node:http';
import { sendJson } from './handlers.ts';
import type { Refused } from './refusal.ts';

/** The error codes of Twirp that are used here, with the HTTP status that its specification gives each. */
const STATUS = {
  malformed: 400,
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  bad_route: 404,
  deadline_exceeded: 408,
  not_found: 404,
  already_exists: 409,
  failed_precondition: 412,
  resource_exhausted: 429,
  internal: 500,
  unavailable: 503,
} as const;
export type TwirpCode = keyof typeof STATUS;

/** Always JSON, whatever the request was: the JavaScript client retries any error that it can't parse. */
export function sendTwirpError(
  response: ServerResponse,
  code: TwirpCode,
  msg: string,
  retryAfter?: string,
): void {
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
  sendJson(response, STATUS[code], { code, msg });
}

const BY_PROBLEM: Partial<Record<Refused['code'], TwirpCode>> = {
  'bad-request': 'malformed',
  'cache-entry-exists': 'already_exists',
  'artifact-exists': 'already_exists',
  // Not resource_exhausted, its nearest: as 429 it would have the Go client come again for minutes.
  'cache-store-full': 'failed_precondition',
  unavailable: 'unavailable',
  'internal-error': 'internal',
};

const BY_STATUS: Record<number, TwirpCode> = {
  400: 'invalid_argument',
  401: 'unauthenticated',
  403: 'permission_denied',
  404: 'not_found',
  409: 'failed_precondition',
  413: 'invalid_argument',
  422: 'invalid_argument',
  429: 'resource_exhausted',
  503: 'unavailable',
};

/** @actions/cache knows by these words that there is no room for anything new, and doesn't try again. */
export function twirpMessageOf({ code, message }: Refused): string {
  return code === 'cache-store-full' ? `insufficient usage: ${message}` : message;
}

export function twirpCodeOf(refused: Refused): TwirpCode {
  return BY_PROBLEM[refused.code] ?? BY_STATUS[refused.status] ?? 'internal';
}
