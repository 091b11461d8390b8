import { type Logger, pino } from 'pino';
import { RunnerTokenKind } from '../../src/kube/kinds.ts';
import { createStore, type FedStore } from '../../src/kube/store.ts';
import type { KubeObject, StoreChange } from '../../src/kube/types.ts';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/runtime/limits.ts';
import { type AskApiserver, createLiveTokens, type LiveTokens } from '../../src/runtime/live_tokens.ts';
import { type ApiMetrics, createApiMetrics } from '../../src/runtime/metrics.ts';
import type { PodLife } from '../../src/runtime/pod_life.ts';
import { type Api, type ApiPlugin, buildServer } from '../../src/runtime/server.ts';
import { AGENT_AUDIENCE } from '../../src/tokens/claims.ts';
import { issueToken } from '../../src/tokens/issue.ts';
import { makeSigningKey, type SigningKey } from '../../src/tokens/keys.ts';
import { TokenRefused } from '../../src/tokens/refusal.ts';
import type { TokenVerifier } from '../../src/tokens/verify.ts';
import { AUDIENCE, aPool, aToken, aVerifier, ISSUER, NOW } from '../tokens/builders.ts';

export interface Watched<T extends KubeObject> {
  store: FedStore<T>;
  synced: boolean;
  connected: boolean;
  onChange(listener: (change: StoreChange<T>) => void): void;
}

/** What an informer shows: the real store, brought up to date by the test instead of by a watch. */
export function watched<T extends KubeObject>(): Watched<T> {
  const listeners: ((change: StoreChange<T>) => void)[] = [];
  const store = createStore<T>({}, (change) => {
    for (const listener of listeners) listener(change);
  });
  return { store, synced: true, connected: true, onChange: (listener) => listeners.push(listener) };
}

/** The pod that a token of these builders speaks for. */
export function podOf(token: RunnerToken): { name: string; uid: string } {
  if (token.spec.podRef === undefined) throw new Error('a token without a pod');
  return token.spec.podRef;
}

export function aPod(
  token: RunnerToken,
  change: Partial<PodLife['metadata']> = {},
  phase = 'Running',
): PodLife {
  const { name, uid } = podOf(token);
  return {
    metadata: { ...token.metadata, name, uid, ...change } as PodLife['metadata'],
    status: { phase },
  };
}

export interface TestApi {
  app: Api;
  key: SigningKey;
  tokens: Watched<RunnerToken>;
  pods: Watched<PodLife>;
  agentVerifier: TokenVerifier;
  metrics: ApiMetrics;
  /** All that was logged, as text. */
  logged(): string;
  /** Puts a runner into the cluster and answers the header that proves it. */
  runner(token?: RunnerToken): Promise<{ token: RunnerToken; jwt: string; authorization: string }>;
  /** Refusals counted of this kind. */
  refused(refusal: string): Promise<number>;
}

export interface TestApiOptions {
  routes?: (
    api: Pick<TestApi, 'tokens' | 'pods' | 'agentVerifier'> & {
      verifier: TokenVerifier;
      live: LiveTokens;
      log: Logger;
    },
  ) => ApiPlugin[];
  limits?: Partial<Limits>;
  ask?: AskApiserver;
  heard?: () => boolean;
  /** What is logged; `debug` when absent, with which every request goes the usual way. */
  level?: 'debug' | 'info';
  /** The key that its tokens are signed with; one of its own when absent. */
  key?: SigningKey;
}

/** The real server over real stores; only the watch is the test's. */
export async function anApi(options: TestApiOptions = {}): Promise<TestApi> {
  const { routes, limits, ask, heard, level = 'debug', key = await makeSigningKey(NOW) } = options;
  const tokens = watched<RunnerToken>();
  const pods = watched<PodLife>();
  const lines: string[] = [];
  const log = pino({ level }, { write: (line) => lines.push(line) });
  const metrics = createApiMetrics();
  const live = createLiveTokens({
    tokens,
    pods,
    namespaces: ['ci'],
    heard: heard ?? (() => true),
    fallen: { has: () => false },
    now: () => NOW.getTime(),
    ask: ask ?? (() => Promise.reject(new TokenRefused('unverifiable'))),
  });
  const verifier = await aVerifier([key]);
  const agentVerifier = await aVerifier([key], { audience: AGENT_AUDIENCE, agent: true });
  const app = await buildServer({
    log,
    // A test's machine may stand still for a second, and requests are not to be put off for it.
    limits: { ...DEFAULT_LIMITS, maxEventLoopDelayMs: 0, ...limits },
    metrics,
    authentication: {
      verifier,
      agentVerifier,
      live,
    },
    routes: routes?.({ tokens, pods, agentVerifier, verifier, live, log }) ?? [],
  });
  return {
    app,
    key,
    tokens,
    pods,
    agentVerifier,
    metrics,
    logged: () => lines.join(''),
    async runner(token = aToken()) {
      tokens.store.set(RunnerTokenKind.parse(token));
      pods.store.set(aPod(token));
      const { jwt } = await issueToken({
        token,
        pool: aPool(),
        issuer: ISSUER,
        audience: AUDIENCE,
        key,
        now: NOW,
      });
      return { token, jwt, authorization: `Bearer ${jwt}` };
    },
    async refused(refusal) {
      const metric = await metrics.registry.getSingleMetric('harrier_api_token_refusals_total')?.get();
      return metric?.values.find((one) => one.labels.refusal === refusal)?.value ?? 0;
    },
  };
}
