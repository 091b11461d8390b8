import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request as a fake of a forge's API got it. */
export interface Asked {
  method: string;
  url: URL;
  headers: Readonly<Record<string, string | undefined>>;
  body: string;
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  /** A text goes out as it is, anything else as JSON; undefined is no body. */
  body?: unknown;
}

export interface Wire {
  url: string;
  /** All that was asked, in order. */
  asked: Asked[];
  /** The next request gets this in place of what the fake would say. */
  answerNext(answer: Answer): void;
  close(): Promise<void>;
}

/** An HTTP server on loopback for a fake of a forge's API: it keeps what was asked, and says once what a test wants. */
export async function startWire(
  answer: (asked: Asked, origin: string) => Answer | Promise<Answer>,
): Promise<Wire> {
  const asked: Asked[] = [];
  const instead: Answer[] = [];
  let origin = '';

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const headers = request.headers as Asked['headers'];
    const one = {
      method: request.method ?? '',
      url: new URL(request.url ?? '/', origin),
      headers,
      body: await text(request),
    };
    asked.push(one);
    const { status, headers: more = {}, body } = instead.shift() ?? (await answer(one, origin));
    response.writeHead(status, { 'content-type': 'application/json', ...more });
    response.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: origin,
    asked,
    answerNext: (one) => void instead.push(one),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What concerns one connection alone, and lengths and encodings that fetch has undone. */
const OF_A_CONNECTION = [
  'host',
  'connection',
  'keep-alive',
  'content-length',
  'content-encoding',
  'transfer-encoding',
];

/** Between an adapter and a real server: a test can answer in its place. */
export function startBetween(origin: string): Promise<Wire> {
  const passed = (headers: Iterable<[string, string | undefined]>) =>
    Object.fromEntries(
      [...headers].filter(
        (one): one is [string, string] => one[1] !== undefined && !OF_A_CONNECTION.includes(one[0]),
      ),
    );
  return startWire(async ({ method, url, headers, body }) => {
    const answer = await fetch(origin + url.pathname + url.search, {
      method,
      headers: passed(Object.entries(headers)),
      redirect: 'manual',
      ...(body === '' ? {} : { body }),
    });
    return { status: answer.status, headers: passed(answer.headers), body: await answer.text() };
  });
}
