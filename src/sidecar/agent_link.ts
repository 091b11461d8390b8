import type { IncomingMessage } from 'node:http';
import type { AgentOrder } from '../protocol/agent.ts';
import { AGENT_MESSAGE_BYTES, AGENT_PATH } from '../protocol/agent_close.ts';

export interface LinkOptions {
  apiUrl: string;
  bearer: string;
  onOrder(order: AgentOrder): void;
}

/** One WebSocket to the api, open. */
export interface AgentLink {
  send(message: object): void;
  /** Resolves when it has ended, with the close code; 1006 for one that just broke (RFC 6455 section 7.1.5). */
  readonly closed: Promise<number>;
  close(): void;
}

/** The api, or something before it, did not open a WebSocket. */
export class NoLink extends Error {
  override readonly name = 'NoLink';
  /** The HTTP answer; absent when there was none. */
  readonly status: number | undefined;
  constructor(detail: string, status?: number) {
    super(detail);
    this.status = status;
  }
}

const HANDSHAKE_MS = 10_000;
/** After so many of the api's own pauses between pings without a word the other end is gone. */
const SILENT_PINGS = 2.5;
/** Until the first message says how often the api pings, in ms. */
const FIRST_WORD_MS = 15_000;

/**
 * Opens the connection; throws NoLink. `ws` is loaded at the first use, and takes 10 MiB of a bare process, where Node's
 * own WebSocket takes 14 and undici's package 24; the sidecar with an open connection is 3 MiB larger than one without.
 */
export async function openLink({ apiUrl, bearer, onOrder }: LinkOptions): Promise<AgentLink> {
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(`${apiUrl.replace(/^http/i, 'ws')}${AGENT_PATH}`, {
    headers: { authorization: `Bearer ${bearer}` },
    perMessageDeflate: false,
    maxPayload: AGENT_MESSAGE_BYTES,
    handshakeTimeout: HANDSHAKE_MS,
    followRedirects: false,
  });
  const ended = Promise.withResolvers<number>();
  let patience = FIRST_WORD_MS;
  const silence = setTimeout(() => socket.terminate(), patience + HANDSHAKE_MS).unref();
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => socket.terminate(), patience).unref();
  };
  let timer = silence;

  socket.on('ping', heard);
  socket.on('message', (data) => {
    const order = readOrder(String(data));
    if (order?.type === 'hello') patience = order.pingSeconds * 1000 * SILENT_PINGS;
    heard();
    if (order !== undefined) onOrder(order);
  });
  socket.once('close', (code) => {
    clearTimeout(timer);
    ended.resolve(code);
  });

  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => {
      heard();
      resolve();
    });
    socket.once('unexpected-response', (_request: unknown, response: IncomingMessage) => {
      response.resume();
      socket.terminate();
      reject(new NoLink(`the api answered ${response.statusCode}`, response.statusCode));
    });
    // An error after the opening is followed by the close, which says enough.
    socket.on('error', (error: NodeJS.ErrnoException) => reject(new NoLink(error.code ?? error.message)));
  });
  return {
    send: (message) => socket.send(JSON.stringify(message)),
    closed: ended.promise,
    close: () => socket.close(1000),
  };
}

/** What the api says; what is no JSON object is as if it had not been said. */
function readOrder(text: string): AgentOrder | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? (value as AgentOrder) : undefined;
  } catch {
    return undefined;
  }
}
