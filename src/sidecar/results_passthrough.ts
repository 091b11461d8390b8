import type { IncomingMessage } from 'node:http';
import { pairs, rawEndToEnd } from './forward_headers.ts';
import type { Exchange, Handler } from './handlers.ts';
import { requesterOf } from './node_http.ts';
import type { ResultsUpstream } from './results_upstream.ts';
import { sendTwirpError } from './twirp_error.ts';

const { pipeline } = process.getBuiltinModule('node:stream');

/**
 * What of the results API is not cache (artifacts, logs) goes on to the server that the job would have asked, with
 * the job's own headers and bearer, and streams both ways. The pod's JWT has no part in it.
 */
export function resultsHandler(upstream: ResultsUpstream | undefined): Handler {
  if (upstream === undefined)
    return async ({ request, response }) => {
      request.resume();
      sendTwirpError(response, 'bad_route', 'nothing here but the cache: no results upstream is configured');
    };
  const { base, agent } = upstream;
  const requester = requesterOf(base.protocol);
  const prefix = base.pathname.replace(/\/+$/, '');

  return async (exchange: Exchange) => {
    const { request, response } = exchange;
    const outgoing = requester.request({
      hostname: base.hostname,
      port: base.port || undefined,
      // As it came: resolved as a URL, `//elsewhere/` would be another server.
      path: `${prefix}${request.url ?? '/'}`,
      method: request.method ?? 'GET',
      headers: outgoingHeaders(request, base.host),
      agent,
    });
    response.once('close', () => outgoing.destroy());
    await new Promise<void>((resolve) => {
      outgoing.once('error', () => {
        request.unpipe(outgoing);
        if (response.headersSent) response.destroy();
        else sendTwirpError(response, 'unavailable', 'the results upstream did not answer');
        resolve();
      });
      outgoing.once('response', (answer) => {
        response.sendDate = false;
        response.writeHead(answer.statusCode ?? 502, answer.statusMessage, rawEndToEnd(answer));
        pipeline(answer, response, () => resolve());
      });
      request.pipe(outgoing);
    });
  };
}

const WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);

/** As they came, but for the host, and for how the body's end is told: by what they say, or by chunks. */
function outgoingHeaders(request: IncomingMessage, host: string): string[] {
  const kept = pairs(rawEndToEnd(request)).filter(([name]) => name.toLowerCase() !== 'host');
  const sized = request.headers['content-length'] !== undefined;
  const chunked = request.headers['transfer-encoding'] !== undefined;
  return [
    ...['Host', host],
    ...kept.flat(),
    ...(chunked ? ['Transfer-Encoding', 'chunked'] : []),
    // Neither length nor chunks is no body (RFC 9112 section 6.3), and node would announce chunks of a POST.
    ...(!sized && !chunked && WITH_BODY.has(request.method ?? '') ? ['Content-Length', '0'] : []),
  ];
}
