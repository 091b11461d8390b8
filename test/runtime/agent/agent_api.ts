import { setTimeout as sleep } from 'node:timers/promises';
import type { RunnerToken } from '../../../src/resources/runner_token.ts';
import {
  type AgentConnections,
  type AgentTimes,
  createAgentConnections,
} from '../../../src/runtime/agent/connections.ts';
import { problem } from '../../../src/runtime/problem.ts';
import { agentRoutes } from '../../../src/runtime/routes/agent.ts';
import { runnerRoutes } from '../../../src/runtime/routes/runner.ts';
import type { ApiPlugin } from '../../../src/runtime/server.ts';
import type { StoreReport } from '../../../src/runtime/store_report.ts';
import { nextReport } from '../../../src/runtime/transition.ts';
import { issueToken } from '../../../src/tokens/issue.ts';
import { AUDIENCE, aPool, aToken, ISSUER, NOW } from '../../tokens/builders.ts';
import { anApi, aPod, type TestApi, type TestApiOptions } from '../builders.ts';

export interface TestRunner {
  token: RunnerToken;
  jwt: string;
  agentJwt: string;
  /** Of its RunnerToken. */
  uid: string;
}

/** The real api with agents and reports, listening; only the watch, and what the apiserver keeps, are the test's. */
export interface AgentApi extends TestApi {
  agents: AgentConnections;
  url: string;
  /** What its wall clock says. */
  nowMs: number;
  /** A runner in agent mode that has said nothing yet. */
  aRunner(name?: string, spec?: Partial<RunnerToken['spec']>): Promise<TestRunner>;
  current(uid: string): RunnerToken;
  /** The states that a runner has reported, in their order. */
  said(uid: string): string[];
  stop(): Promise<void>;
}

export async function startAgentApi(
  options: TestApiOptions & {
    more?: ApiPlugin[];
    port?: number;
    storeMs?: number;
    times?: Partial<AgentTimes>;
  } = {},
): Promise<AgentApi> {
  let agents: AgentConnections | undefined;
  const reported = new Map<string, string[]>();
  const built: TestApi = await anApi({
    ask: async ({ jti }) => current(jti),
    ...options,
    routes: ({ tokens, pods, agentVerifier, live, log }) => {
      const storeReport: StoreReport = async (token, said) => {
        if (options.storeMs !== undefined) await sleep(options.storeMs);
        const held = tokens.store.byUid(token.metadata.uid) ?? token;
        const before = held.status?.runner;
        const report = nextReport(before, said, new Date(api.nowMs));
        if (report === undefined) throw problem('illegal-transition', `not to ${said.state}`);
        if (report !== before) {
          const { uid } = token.metadata;
          reported.set(uid, [...(reported.get(uid) ?? []), report.state]);
          tokens.store.set(later(held, { status: { runner: report } }));
        }
        return report;
      };
      agents = createAgentConnections({
        verifier: agentVerifier,
        live,
        tokens,
        pods,
        storeReport,
        onRefusal: () => undefined,
        log,
        now: () => api.nowMs,
        // A test's machine may stand still for seconds; who tests silence says how long it may be.
        times: { lookMs: 20, pingMs: 5_000, pongMs: 15_000, doubtMs: 300, ...options.times },
      });
      return [agentRoutes(agents), runnerRoutes(storeReport), ...(options.more ?? [])];
    },
  });
  const current = (uid: string) => built.tokens.store.byUid(uid) as RunnerToken;
  const url = await built.app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  const api: AgentApi = Object.assign(built, {
    agents: agents as unknown as AgentConnections,
    url,
    nowMs: NOW.getTime(),
    current,
    said: (uid: string) => reported.get(uid) ?? [],
    async aRunner(name = 'linux-0-abcde', spec: Partial<RunnerToken['spec']> = {}) {
      const known = aToken(name, { agent: true, ...spec });
      const token: RunnerToken = { ...known, status: { phase: 'Active', conditions: [] } };
      built.tokens.store.set(token);
      if (token.spec.podRef !== undefined) built.pods.store.set(aPod(token));
      const issued = await issueToken({
        token: known,
        pool: aPool(),
        issuer: ISSUER,
        audience: AUDIENCE,
        key: built.key,
        now: NOW,
      });
      return { token, jwt: issued.jwt, agentJwt: issued.agentJwt ?? '', uid: token.metadata.uid };
    },
    async stop() {
      api.agents.close();
      const closed = built.app.close();
      built.app.server.closeAllConnections();
      await closed;
    },
  });
  return api;
}

let version = 1;

/** The next version of a token, with these fields changed. */
export function later(
  token: RunnerToken,
  change: { metadata?: object; spec?: object; status?: object },
): RunnerToken {
  return {
    ...token,
    metadata: { ...token.metadata, resourceVersion: nextVersion(), ...change.metadata },
    spec: { ...token.spec, ...change.spec },
    status: { ...token.status, ...change.status } as RunnerToken['status'],
  };
}

export function nextVersion(): string {
  return String(++version);
}
