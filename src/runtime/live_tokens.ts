import type { Informer } from '../kube/types.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { HARRIER_CLAIM, type RuntimeClaims } from '../tokens/claims.ts';
import { TokenRefused } from '../tokens/refusal.ts';
import { judge } from './judge_life.ts';
import type { PodLife } from './pod_life.ts';

export interface LiveTokens {
  /**
   * The RunnerToken of claims whose signature holds, if it is Active and its pod lives; else throws or rejects with
   * TokenRefused. At once from the informers' copy while their watches are alive, else by asking the apiserver.
   */
  check(claims: RuntimeClaims): RunnerToken | Promise<RunnerToken>;
  /** The same from the apiserver's own word: for whoever was found wanting by a copy that may be a moment behind. */
  recheck(claims: RuntimeClaims): Promise<RunnerToken>;
}

/** Asks the apiserver itself; rejects with TokenRefused, `unverifiable` when no answer came in time. */
export type AskApiserver = (claims: RuntimeClaims, tokenName: string) => Promise<RunnerToken>;

export interface LiveTokensOptions {
  tokens: Pick<Informer<RunnerToken>, 'store' | 'synced' | 'connected'>;
  pods: Pick<Informer<PodLife>, 'store' | 'synced' | 'connected'>;
  namespaces: readonly string[];
  /** Whether the apiserver has been heard of in the last moments (pulse.ts). */
  heard(): boolean;
  ask: AskApiserver;
}

export function createLiveTokens({ tokens, pods, namespaces, heard, ask }: LiveTokensOptions): LiveTokens {
  const watched = new Set(namespaces);
  return {
    check(claims) {
      const { namespace, pod, runner } = claims[HARRIER_CLAIM];
      if (!watched.has(namespace)) throw new TokenRefused('unknown-token');
      const token = tokens.store.byUid(claims.jti);
      if (tokens.synced && tokens.connected && pods.synced && pods.connected && heard()) {
        const parent = token?.spec.parentRef;
        return judge(claims, token, {
          pod: pod === undefined ? undefined : pods.store.byUid(pod.uid),
          parent: parent === undefined ? undefined : tokens.store.byUid(parent.uid),
        });
      }
      // What a deaf informer holds may be long dead, but names don't change: only the token's name is taken from it.
      return ask(claims, token?.metadata.name ?? runner.name);
    },
    async recheck(claims) {
      const { namespace, runner } = claims[HARRIER_CLAIM];
      if (!watched.has(namespace)) throw new TokenRefused('unknown-token');
      const name = tokens.store.byUid(claims.jti)?.metadata.name ?? runner.name;
      const fresh = await ask(claims, name);
      tokens.store.absorb(fresh);
      return fresh;
    },
  };
}
