import { WebSocket } from 'ws';
import { type AgentOrder, agentOrder } from '../../../src/protocol/agent.ts';
import { AGENT_PATH } from '../../../src/protocol/agent_close.ts';

type Order<T extends AgentOrder['type']> = Extract<AgentOrder, { type: T }>;

/** An agent that does as it is told by a test: everything it is sent is held against the schemas. */
export interface TestAgent {
  socket: WebSocket;
  orders: AgentOrder[];
  /** The first order of this type that no call has answered yet. */
  next<T extends AgentOrder['type']>(type: T): Promise<Order<T>>;
  say(message: unknown): void;
  closed: Promise<{ code: number; reason: string; at: number }>;
}

/** Connects; rejects with the status and the problem's code when the upgrade is refused. */
export function connectAgent(apiUrl: string, jwt: string, headers: object = {}): Promise<TestAgent> {
  const socket = new WebSocket(`${apiUrl.replace(/^http/, 'ws')}${AGENT_PATH}`, {
    headers: { authorization: `Bearer ${jwt}`, ...headers },
    perMessageDeflate: false,
  });
  const orders: AgentOrder[] = [];
  const unread: AgentOrder[] = [];
  const readers: { type: string; resolve: (order: never) => void }[] = [];
  socket.on('message', (data) => {
    const order = agentOrder.parse(JSON.parse(String(data)));
    orders.push(order);
    const at = readers.findIndex(({ type }) => type === order.type);
    if (at < 0) unread.push(order);
    else readers.splice(at, 1)[0]?.resolve(order as never);
  });
  const closed = new Promise<{ code: number; reason: string; at: number }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason), at: performance.now() }));
  });
  const agent: TestAgent = {
    socket,
    orders,
    closed,
    next(type) {
      const at = unread.findIndex((one) => one.type === type);
      if (at >= 0) return Promise.resolve(unread.splice(at, 1)[0] as never);
      return new Promise((resolve, reject) => {
        readers.push({ type, resolve });
        void closed.then(({ code }) => reject(new Error(`closed with ${code} before any ${type}`)));
      });
    },
    say: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
  };
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(agent));
    socket.on('error', reject);
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => {
        socket.terminate();
        reject(new UpgradeRefused(response.statusCode ?? 0, JSON.parse(body).code));
      });
    });
  });
}

export class UpgradeRefused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
  }
}
