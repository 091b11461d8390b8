import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Caller, Recognize } from '../authenticate.ts';
import type { ApiMetrics } from '../metrics.ts';
import type { HeldRequest } from './held_request.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Answers what the route's handler answers, from caller and body alone; undefined where only the handler can. It
     * may be called for a request that the handler is then asked too. Its presence opens the short way to the route.
     */
    shortWay?: (caller: Caller, body: never) => unknown;
  }
}

/** A route with a short way: what of it is needed there, by the route's own schemas. */
export interface Way {
  method: string;
  path: string;
  route: Parameters<Recognize>[1];
  answer(caller: Caller, body: unknown): unknown;
  /** The body; undefined where it is not acceptable. Absent for a route without one. */
  read?: ((text: string) => unknown) | undefined;
  /** Throws for an answer that is not what the route promises. */
  write(answer: unknown): string;
}

export interface WayTools {
  recognize: Recognize;
  underPressure(): boolean;
  answered: ApiMetrics['answered'];
}

export interface ShortWays {
  /** Puts the short way before the usual one. */
  before(usual: RequestListener): RequestListener<typeof HeldRequest>;
  open(ways: readonly Way[], tools: WayTools): void;
  /** From now on everything goes the usual way. */
  close(): void;
}

const JSON_BODY = /^application\/json(?:; ?charset=utf-8)?$/i;
const JSON_ANSWER = 'application/json; charset=utf-8';
/** A longer body is none of a question that has a short answer. */
const MOST_BYTES = 16 * 1024;

/**
 * The short way answers what most requests are: a question with a good body, by a runner whose token is remembered and
 * whose standing the watch tells at once. Whatever is otherwise in any respect goes the usual way as if it had come
 * there at first, so all refusals, errors and exceptions are said in one place. The checks are the usual ones, by the
 * same functions and schemas; what is left out is Fastify's way through hooks, streams and promises.
 */
export function createShortWays(): ShortWays {
  let ways: readonly Way[] = [];
  let tools: WayTools | undefined;

  return {
    before: (usual) => (request, response) => {
      const way = tools && ways.find(({ method, path }) => path === request.url && method === request.method);
      const caller =
        tools === undefined || way === undefined || !isPlain(way, request) || tools.underPressure()
          ? undefined
          : tools.recognize(request.headers.authorization, way.route);
      if (tools === undefined || way === undefined || caller === undefined) usual(request, response);
      else take(way, caller, request, response, usual, tools.answered);
    },
    open(next, withTools) {
      ways = next;
      tools = withTools;
    },
    close() {
      tools = undefined;
    },
  };
}

/** Whether the headers leave no question open: how long the body is, and what it is. */
function isPlain(way: Way, { headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  if (way.read === undefined) return length === undefined && headers['transfer-encoding'] === undefined;
  return (
    length !== undefined && Number(length) <= MOST_BYTES && JSON_BODY.test(headers['content-type'] ?? '')
  );
}

function take(
  way: Way,
  caller: Caller,
  request: HeldRequest,
  response: ServerResponse,
  usual: RequestListener,
  answered: ApiMetrics['answered'],
): void {
  const began = performance.now();
  const instead = () => {
    usual(request, response);
    request.letGo();
  };
  const send = (answer: unknown) => {
    const text = answer === undefined ? undefined : attempt(() => way.write(answer));
    if (text === undefined) {
      instead();
      return;
    }
    request.discard();
    const length = String(Buffer.byteLength(text));
    response.writeHead(200, ['content-type', JSON_ANSWER, 'content-length', length]).end(text);
    answered(way.method, way.path, 200, (performance.now() - began) / 1000);
  };
  request.hold((bytes) => {
    const answer = attempt(() => {
      const body = way.read?.(bytes.toString());
      return way.read !== undefined && body === undefined ? undefined : way.answer(caller, body);
    });
    if (answer instanceof Promise) answer.then(send, instead);
    else send(answer);
  });
}

/** Undefined for what throws: the usual way throws it again, and says so. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
