import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export const FAULTS = [
  /** Answered so, without a word to the server. */
  '500',
  '503',
  /** Reset before the server hears of it. */
  'reset',
  /** Reset in the middle of the request's body, at both sides. */
  'reset in the body',
  /** Done by the server, and the connection reset instead of the answer. */
  'lost answer',
  /** Half of the answer's body, and then the end. */
  'truncated',
  /** Half of the answer's body, and then nothing for a long time. */
  'stalled',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface FaultyProxy {
  readonly url: string;
  /** How likely a request meets a fault, and which ones there are. */
  faults: { share: number; kinds: readonly Fault[] };
  /** How long a stalled connection says nothing, in ms. */
  stallMs: number;
  /** Called with each chunk of an answer to a GET of an object; what it answers goes on instead. */
  change: ((chunk: Buffer) => Buffer) | undefined;
  readonly injected: Map<Fault, number>;
  close(): void;
}

async function write(response: ServerResponse, chunk: Buffer): Promise<void> {
  if (response.write(chunk)) return;
  await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
}

/** Stands in front of an HTTP server and does to its clients what networks and busy servers do. */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const injected = new Map<Fault, number>();
  const proxy: Pick<FaultyProxy, 'faults' | 'stallMs' | 'change'> = {
    faults: { share: 0, kinds: FAULTS },
    stallMs: 4_000,
    change: undefined,
  };

  const pick = ({ method, headers }: IncomingMessage): Fault | undefined => {
    if (Math.random() >= proxy.faults.share) return undefined;
    const possible = proxy.faults.kinds.filter((kind) => {
      if (kind === 'truncated') return method === 'GET';
      if (kind === 'reset in the body') return Number(headers['content-length'] ?? 0) > 0;
      return true;
    });
    // Who counts on every kind is not left to chance: some requests can meet only some of them.
    const unmet = possible.filter((kind) => !injected.has(kind));
    const among = unmet.length > 0 ? unmet : possible;
    const fault = among[Math.floor(Math.random() * among.length)];
    if (fault !== undefined) injected.set(fault, (injected.get(fault) ?? 0) + 1);
    return fault;
  };

  const handle = async (incoming: IncomingMessage, response: ServerResponse, awaited: boolean) => {
    const fault = pick(incoming);
    incoming.on('error', () => {});
    response.on('error', () => {});
    const reset = () => void incoming.socket.resetAndDestroy();
    if (fault === '500' || fault === '503') {
      response.writeHead(Number(fault), { connection: 'close', 'content-length': 0 }).end();
      return;
    }
    if (fault === 'reset') return reset();
    if (awaited) response.writeContinue();
    // The client's own Expect is answered here.
    const { expect: _, ...headers } = incoming.headers;
    const outgoing = request(`${target}${incoming.url}`, { method: incoming.method ?? 'GET', headers });
    outgoing.on('error', reset);
    outgoing.once('response', (answer) => {
      if (fault === 'lost answer') {
        answer.resume();
        return reset();
      }
      const pause = fault === 'stalled' && incoming.method !== 'GET' ? proxy.stallMs : 0;
      // A server that breaks off its answer, as when it is stopped, is passed on, and is no error of nobody's.
      void sleep(pause)
        .then(() => relay(answer, response, incoming, fault))
        .catch(reset);
    });
    if (fault === 'reset in the body') {
      incoming.once('data', (chunk: Buffer) => {
        outgoing.write(chunk.subarray(0, chunk.length / 2), () => {
          outgoing.destroy();
          reset();
        });
      });
      return;
    }
    incoming.pipe(outgoing);
    incoming.once('close', () => {
      if (!incoming.complete) outgoing.destroy();
    });
  };

  /** The chunk with the middle of the body; false when it was the last of it. */
  const passHalf = async (
    response: ServerResponse,
    chunk: Buffer,
    cut: number,
    fault: Fault | undefined,
  ): Promise<boolean> => {
    if (fault === 'truncated') {
      response.write(chunk.subarray(0, cut), () => response.destroy());
      return false;
    }
    await write(response, chunk.subarray(0, cut));
    if (fault === 'stalled') await sleep(proxy.stallMs);
    await write(response, chunk.subarray(cut));
    return true;
  };

  const relay = async (
    answer: IncomingMessage,
    response: ServerResponse,
    { method }: IncomingMessage,
    fault: Fault | undefined,
  ) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    const isRead = method === 'GET';
    const change = isRead && answer.headers['content-range'] !== undefined ? proxy.change : undefined;
    let untilHalf = isRead ? Math.floor(Number(answer.headers['content-length']) / 2) : -1;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (response.destroyed) return;
      const changed = change?.(chunk) ?? chunk;
      const cut = untilHalf;
      untilHalf -= chunk.length;
      if (cut < 0 || cut >= chunk.length) await write(response, changed);
      else if (!(await passHalf(response, changed, cut, fault))) return;
    }
    response.end();
  };

  const server = createServer((incoming, response) => void handle(incoming, response, false));
  server.on('checkContinue', (incoming, response) => void handle(incoming, response, true));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    injected,
    close() {
      server.close();
      server.closeAllConnections();
    },
  });
}
