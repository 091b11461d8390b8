import { readFile } from 'node:fs/promises';
import { introspectionAnswer } from '../../protocol/introspection.ts';
import type { RuntimeClaims } from '../../tokens/claims.ts';
import type { Clock } from '../../tokens/clock.ts';
import { TokenRefused } from '../../tokens/refusal.ts';
import { Verdicts } from '../../tokens/verdicts.ts';
import type { RunnerStanding } from '../served_states.ts';
import { fetchJson } from './fetch_json.ts';
import type { TrustedIssuer } from './issuers_file.ts';

/** How old a question may be whose answer is still believed: the same second in which a revocation is to work. */
const BELIEVED_MS = 1_000;
const TIMEOUT_MS = 1_000;
/** Questions that are open at once at one issuer, and answers that are kept. */
const AT_ONCE = 64;
const MOST_KEPT = 10_000;

/** The state of the runner of a token that its issuer calls active; else rejects with TokenRefused. */
export type AskIssuer = (raw: string, claims: RuntimeClaims) => Promise<RunnerStanding>;

/**
 * Asks the issuer of a token whether its runner lives, since only there is that known (RFC 7662). Whoever can't be asked
 * about is refused. Answers are kept under the SHA-256 of the token.
 */
export function createAskIssuer(introspection: TrustedIssuer['introspection'], now: Clock): AskIssuer {
  const answers = new Map<string, { askedAt: number; answer: Promise<RunnerStanding> }>();
  let open = 0;

  async function ask(raw: string, claims: RuntimeClaims): Promise<RunnerStanding> {
    if (open >= AT_ONCE) throw new TokenRefused('unverifiable');
    open++;
    try {
      const { url, clientId, secretFile } = introspection;
      // Read each time: the file is a mounted Secret, which may be changed, and it is read once a second and runner.
      const secret = (await readFile(secretFile, 'utf8')).trimEnd();
      const body = await fetchJson(url, {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from(`${formEncoded(clientId)}:${formEncoded(secret)}`).toString('base64')}`,
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({ token: raw }).toString(),
        timeoutMs: TIMEOUT_MS,
        mostBytes: 16 * 1024,
      });
      const { active, iss, jti, sub, runner_state } = introspectionAnswer.parse(body);
      if (!active) throw new TokenRefused('revoked-token');
      if (iss !== claims.iss || jti !== claims.jti || sub !== claims.sub || runner_state === undefined)
        throw new TokenRefused('unverifiable');
      return runner_state;
    } catch (error) {
      throw error instanceof TokenRefused ? error : new TokenRefused('unverifiable');
    } finally {
      open--;
    }
  }

  return (raw, claims) => {
    const key = Verdicts.key(raw);
    const known = answers.get(key);
    const askedAt = now();
    if (known !== undefined && askedAt - known.askedAt < BELIEVED_MS) return known.answer;
    const answer = ask(raw, claims);
    // Out and in again, so that the first of the Map is always the oldest question.
    answers.delete(key);
    answers.set(key, { askedAt, answer });
    for (const [oldest, { askedAt: then }] of answers) {
      if (answers.size <= MOST_KEPT && askedAt - then < BELIEVED_MS) break;
      answers.delete(oldest);
    }
    return answer;
  };
}

function formEncoded(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice(2);
}
