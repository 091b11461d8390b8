import type { Informer } from '../kube/types.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { HARRIER_CLAIM, type RuntimeClaims } from '../tokens/claims.ts';
import type { Clock } from '../tokens/clock.ts';
import { TokenRefused } from '../tokens/refusal.ts';
import { registeredTokenName } from '../tokens/registered_name.ts';
import type { Fallen } from './fallen.ts';
import { judge } from './judge_life.ts';
import type { PodLife } from './pod_life.ts';

export interface LiveTokens {
  /**
   * The RunnerToken of claims whose signature holds, if it is Active and its pod lives; else throws or rejects with
   * TokenRefused. At once from the informers' copy while their watches are alive, else by asking the apiserver.
   */
  check(claims: RuntimeClaims): RunnerToken | Promise<RunnerToken>;
  /** The same from the informers' copy alone; undefined where the apiserver must be asked, throws where it refuses. */
  watched(claims: RuntimeClaims): RunnerToken | undefined;
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
  /** Tokens whose parent was seen disabled, though it may be enabled again. */
  fallen: Pick<Fallen, 'has'>;
  ask: AskApiserver;
  now: Clock;
}

export function createLiveTokens({
  tokens,
  pods,
  namespaces,
  heard,
  fallen,
  ask,
  now,
}: LiveTokensOptions): LiveTokens {
  const ours = new Set(namespaces);

  /** Names don't change, so one may be taken from an old copy. */
  function nameOf(claims: RuntimeClaims): string {
    const { pool, pod, runner, attempt } = claims[HARRIER_CLAIM];
    const known = tokens.store.byUid(claims.jti)?.metadata.name;
    return known ?? pod?.name ?? registeredTokenName(pool.uid, runner.name, attempt);
  }

  function watched(claims: RuntimeClaims): RunnerToken | undefined {
    const { namespace, pod } = claims[HARRIER_CLAIM];
    if (!ours.has(namespace)) throw new TokenRefused('unknown-token');
    if (fallen.has(claims.jti)) throw new TokenRefused('revoked-parent');
    const watching = tokens.synced && tokens.connected && pods.synced && pods.connected && heard();
    const token = tokens.store.byUid(claims.jti);
    // A runner that has just registered may be here before the watch tells of it.
    const ahead = pod === undefined && now() / 1000 - claims.iat < FRESH_SECONDS;
    if (!watching || (ahead && token?.status?.phase !== 'Active')) return undefined;
    const parent = token?.spec.parentRef;
    return judge(claims, token, {
      pod: pod === undefined ? undefined : pods.store.byUid(pod.uid),
      parent: parent === undefined ? undefined : tokens.store.byUid(parent.uid),
    });
  }

  return {
    watched,
    check: (claims) => watched(claims) ?? ask(claims, nameOf(claims)),
    async recheck(claims) {
      if (!ours.has(claims[HARRIER_CLAIM].namespace)) throw new TokenRefused('unknown-token');
      if (fallen.has(claims.jti)) throw new TokenRefused('revoked-parent');
      const fresh = await ask(claims, nameOf(claims));
      tokens.store.absorb(fresh);
      return fresh;
    },
  };
}

/** For so long after its issue a JWT may be ahead of the watch. */
const FRESH_SECONDS = 10;
