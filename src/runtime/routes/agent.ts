import { AGENT_PATH } from '../../protocol/agent_close.ts';
import { problemDetails } from '../../protocol/problem.ts';
import { bearerToken } from '../../tokens/bearer.ts';
import type { AgentConnections } from '../agent/connections.ts';
import { problem } from '../problem.ts';
import { WHILE_ALIVE } from '../served_states.ts';
import type { ApiPlugin } from '../server.ts';

/** A runner that reconnects in a loop is slowed down before it costs much. */
const CONNECTS = { max: 20, timeWindow: 10_000 };

/** The agent connection. What is said on it: src/protocol/agent.ts. */
export function agentRoutes(agents: AgentConnections): ApiPlugin {
  return async (app) => {
    app.route({
      method: 'GET',
      url: AGENT_PATH,
      config: { access: 'agent', states: WHILE_ALIVE, rateLimit: CONNECTS },
      schema: {
        summary: 'The agent connection',
        description: 'A WebSocket: see docs/agent.md. The token is checked before the upgrade.',
        tags: ['runner'],
        response: { 401: problemDetails, 409: problemDetails, 426: problemDetails, 429: problemDetails },
      },
      handler: () => {
        throw problem('upgrade-required', 'This is a WebSocket: send Connection: Upgrade.', {
          headers: { upgrade: 'websocket', connection: 'Upgrade' },
        });
      },
      wsHandler: (socket, request) => {
        agents.accept(socket, request.identity, bearerToken(request.headers.authorization));
      },
    });
  };
}
