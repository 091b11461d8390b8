import type { Answered } from './ask_once.ts';

/** GitHub: "if neither header is there, wait at least one minute" for a secondary limit that names no time. */
const UNNAMED_MS = 60_000;
/** GitHub's and GitLab's windows are at most an hour long; whatever says more is mistaken. */
const LONGEST_MS = 3_600_000;
/** Seconds since 1970 are beyond it, seconds from now are not. */
const EPOCH_FROM_S = 1_000_000_000;

/**
 * How long no request may be sent, in ms, and whether this answer was a refusal for it; undefined where the answer asks
 * for no pause; pure. Sources: RFC 9110 (Retry-After); docs.github.com/rest "Rate limits for the REST API"; GitLab's
 * "User and IP rate limits" (RateLimit-*); Gitea and Forgejo send Retry-After or nothing.
 */
export function rateLimit(
  { status, headers, text }: Answered,
  wallClock: Date,
): { waitMs: number; refused: boolean } | undefined {
  const after = retryAfter(headers, wallClock);
  const spent = headers['x-ratelimit-remaining'] === '0' || headers['ratelimit-remaining'] === '0';
  const atReset = spent ? untilReset(headers, wallClock) : undefined;
  const refused =
    status === 429 || (status === 403 && (after !== undefined || spent || /rate limit/i.test(text)));
  if (refused) return { waitMs: bounded(after ?? atReset ?? UNNAMED_MS), refused };
  if (status === 503 && after !== undefined) return { waitMs: bounded(after), refused };
  return atReset === undefined ? undefined : { waitMs: bounded(atReset), refused };
}

type Headers = Answered['headers'];

function retryAfter(headers: Headers, wallClock: Date): number | undefined {
  const text = headers['retry-after'];
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at - nowThere(headers, wallClock);
}

function untilReset(headers: Headers, wallClock: Date): number | undefined {
  const text = headers['x-ratelimit-reset'] ?? headers['ratelimit-reset'];
  if (text === undefined || !/^\d{1,12}$/.test(text)) return undefined;
  const seconds = Number(text);
  return seconds < EPOCH_FROM_S ? seconds * 1000 : seconds * 1000 - nowThere(headers, wallClock);
}

/** By the forge's own clock where it tells: ours may be wrong by more than the window. */
function nowThere({ date }: Headers, wallClock: Date): number {
  const there = Date.parse(date ?? '');
  return Number.isNaN(there) ? wallClock.getTime() : there;
}

function bounded(ms: number): number {
  return Math.min(Math.max(ms, 1000), LONGEST_MS);
}
