import { RunnerTokenKind } from '../kube/kinds.ts';
import type { KubeClient } from '../kube/types.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { HARRIER_CLAIM, type RuntimeClaims } from '../tokens/claims.ts';
import { TokenRefused } from '../tokens/refusal.ts';
import { judge } from './judge_life.ts';
import type { AskApiserver } from './live_tokens.ts';
import type { ApiMetrics } from './metrics.ts';
import { PodLifeKind } from './pod_life.ts';

export interface AskApiserverOptions {
  client: Pick<KubeClient, 'get'>;
  metrics: Pick<ApiMetrics, 'asked'>;
  /** For how long an answer is waited for, in ms. */
  timeoutMs?: number;
  /** For how long after the question its answer also serves the same runner's next requests, in ms. */
  reuseMs?: number;
  /** How many runners are asked about at once. */
  atOnce?: number;
}

/**
 * Checks a token with the apiserver itself. Requests of one runner share a question for a quarter of a second, and
 * only so many questions are open at once: every replica's watches may break in the moment the apiserver is restarted,
 * and it must not come up to one read per request of the whole fleet. Whoever can't be asked about is refused.
 */
export function createAskApiserver(options: AskApiserverOptions): AskApiserver {
  const { client, metrics, timeoutMs = 750, reuseMs = 250, atOnce = 64 } = options;
  const answers = new Map<string, Promise<RunnerToken>>();
  let open = 0;

  async function ask(claims: RuntimeClaims, tokenName: string): Promise<RunnerToken> {
    if (open >= atOnce) throw new TokenRefused('unverifiable');
    const { namespace, pod } = claims[HARRIER_CLAIM];
    const signal = AbortSignal.timeout(timeoutMs);
    open++;
    try {
      const [token, live] = await Promise.all([
        client.get(RunnerTokenKind, namespace, tokenName, { signal }),
        pod === undefined ? undefined : client.get(PodLifeKind, namespace, pod.name, { signal }),
      ]);
      const parentName = token?.spec.parentRef?.name;
      const parent =
        parentName === undefined
          ? undefined
          : await client.get(RunnerTokenKind, namespace, parentName, { signal });
      const held = judge(claims, token, { pod: live, parent });
      metrics.asked('accepted');
      return held;
    } catch (error) {
      metrics.asked(error instanceof TokenRefused ? 'refused' : 'failed');
      throw error instanceof TokenRefused ? error : new TokenRefused('unverifiable');
    } finally {
      open--;
    }
  }

  return (claims, tokenName) => {
    const { pod, attempt } = claims[HARRIER_CLAIM];
    const key = `${claims.jti}/${pod?.uid}/${attempt}`;
    const known = answers.get(key);
    if (known !== undefined) return known;
    const answer = ask(claims, tokenName);
    answers.set(key, answer);
    setTimeout(() => answers.delete(key), reuseMs).unref();
    return answer;
  };
}
