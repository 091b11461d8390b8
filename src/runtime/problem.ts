import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { PROBLEM_MEDIA_TYPE, problemBody } from '../http/problem_body.ts';
import { PROBLEMS, type ProblemCode } from '../protocol/problem.ts';
import { type FieldError, fieldErrors } from './field_errors.ts';
import { methodsOf } from './route_table.ts';

export interface ProblemExtras {
  /** For each unacceptable field its JSON Pointer (RFC 6901) and what is wrong with it. */
  errors?: FieldError[];
  headers?: Record<string, string>;
  cause?: unknown;
}

/** An answer of the api that is an error, thrown by whoever finds it out. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly statusCode: number;
  readonly errors: FieldError[] | undefined;
  readonly headers: Record<string, string>;
  constructor(code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.code = code;
    this.statusCode = PROBLEMS[code][0];
    this.errors = extras.errors;
    this.headers = extras.headers ?? {};
  }
}

/** `throw problem('cache-entry-exists', detail)`; the detail is shown to the caller and holds no secret. */
export function problem(code: ProblemCode, detail: string, extras?: ProblemExtras): Problem {
  return new Problem(code, detail, extras);
}

const FROM_STATUS: Record<number, ProblemCode> = {
  400: 'bad-request',
  401: 'unauthorized',
  403: 'permission-denied',
  404: 'not-found',
  413: 'body-too-large',
  415: 'unsupported-media-type',
  422: 'unprocessable-content',
  429: 'too-many-requests',
  503: 'unavailable',
};

/** Says of any error, Fastify's own included, which problem it is. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const known = error as Partial<FastifyError>;
  if (known.validation !== undefined) {
    const errors = fieldErrors(known);
    const [first] = errors;
    return problem('unprocessable-content', `${first?.path || 'The body'}: ${first?.message}`, { errors });
  }
  // A handler that outlived its time limit: the caller may try again, which a 500 would not say.
  if (known.code === 'FST_ERR_HANDLER_TIMEOUT') {
    return problem('unavailable', 'The answer took too long.', {
      headers: { 'retry-after': '1' },
      cause: error,
    });
  }
  const status = typeof known.statusCode === 'number' ? known.statusCode : 500;
  const code = FROM_STATUS[status] ?? (status >= 400 && status < 500 ? 'bad-request' : 'internal-error');
  return problem(code, known.message ?? 'unknown error', {
    cause: error,
    ...(code === 'unavailable' ? { headers: { 'retry-after': '1' } } : {}),
  });
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, found: Problem): FastifyReply {
  return reply
    .code(found.statusCode)
    .headers(found.headers)
    .header('content-type', PROBLEM_MEDIA_TYPE)
    .header('cache-control', 'no-store')
    .serializer(JSON.stringify)
    .send(problemBody({ code: found.code, detail: found.message, errors: found.errors }, request.id));
}

/** Every error answer of the api, its own and Fastify's, becomes a problem of one shape. */
export const problems = fastifyPlugin(
  async (app: FastifyInstance) => {
    app.setErrorHandler((error, request, reply) => {
      const found = problemOf(error);
      if (found.statusCode >= 500)
        request.log.error({ reqId: request.id, err: error, code: found.code }, 'request failed');
      return sendProblem(request, reply, found);
    });
    app.setNotFoundHandler((request, reply) => {
      const methods = methodsOf(app.endpoints, request.url.split('?', 1)[0] ?? '');
      const found =
        methods.length === 0
          ? problem('not-found', 'There is no such path.')
          : problem('method-not-allowed', `This path is for ${methods.join(', ')}.`, {
              headers: { allow: methods.join(', ') },
            });
      return sendProblem(request, reply, found);
    });
  },
  { name: 'harrier-problems', fastify: '5.x', dependencies: ['harrier-route-table'] },
);
