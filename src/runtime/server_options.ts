import { type FastifyBaseLogger, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { Logger } from 'pino';
import { refuseConnection } from '../http/refuse_connection.ts';
import type { Limits } from './limits.ts';
import { problemOf, sendProblem } from './problem.ts';

/** What every listener of the api holds to, whoever connects: sizes, ends, and refusals that are problems. */
export function serverOptions(log: Logger, limits: Limits) {
  return {
    loggerInstance: log as FastifyBaseLogger,
    // Two lines per request, with URLs that may be signed: observe logs what matters, without the URL.
    logController: new LogController({ disableRequestLogging: true }),
    // Fastify and Node leave most limits at "for ever", which one slow client after another would use up.
    bodyLimit: limits.controlBodyBytes,
    // The longest name of an object; Fastify's own limit is 100.
    routerOptions: { maxParamLength: 253 },
    return503OnClosing: true,
    forceCloseConnections: 'idle' as const,
    clientErrorHandler: refuseConnection,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      void sendProblem(request, reply, problemOf(error));
    },
  };
}
