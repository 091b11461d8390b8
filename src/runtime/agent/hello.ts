import type { AgentDrain, AgentOrder } from '../../protocol/agent.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { HARRIER_CLAIM, type RuntimeClaims } from '../../tokens/claims.ts';

/** The first message of a connection: what the api knows of its runner; pure. */
export function helloOf(
  claims: RuntimeClaims,
  token: RunnerToken,
  drain: AgentDrain | undefined,
  pingMs: number,
): AgentOrder {
  const { runner, namespace, pool, attempt } = claims[HARRIER_CLAIM];
  const report = token.status?.runner;
  return {
    type: 'hello',
    runner,
    namespace,
    pool: pool.name,
    attempt,
    expiresAt: new Date(claims.exp * 1000).toISOString(),
    pingSeconds: Math.ceil(pingMs / 1000),
    ...(report === undefined ? {} : { report }),
    ...(drain === undefined ? {} : { drain }),
  };
}
