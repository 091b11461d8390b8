import type { OutgoingHttpHeaders } from 'node:http';
import { endToEnd } from './forward_headers.ts';
import type { Exchange, Handler } from './handlers.ts';
import { requesterOf } from './node_http.ts';
import { sendTwirpError } from './twirp_error.ts';

const { pipeline } = process.getBuiltinModule('node:stream');

/**
 * What of the results API is not cache (artifacts, logs) goes on to the server that the job would have asked, with
 * the job's own headers and bearer, and streams both ways. The pod's JWT has no part in it.
 */
export function resultsHandler(upstreamUrl: string | undefined): Handler {
  if (upstreamUrl === undefined)
    return async ({ request, response }) => {
      request.resume();
      sendTwirpError(response, 'bad_route', 'nothing here but the cache: no results upstream is configured');
    };
  const base = new URL(upstreamUrl);
  const requester = requesterOf(base.protocol);
  const agent = new requester.Agent({ keepAlive: true, maxFreeSockets: 4 });
  const prefix = base.pathname.replace(/\/+$/, '');

  return async (exchange: Exchange) => {
    const { request, response } = exchange;
    const headers: OutgoingHttpHeaders = { ...endToEnd(request.headers), host: base.host };
    const outgoing = requester.request(new URL(`${prefix}${request.url ?? '/'}`, base), {
      method: request.method ?? 'GET',
      headers,
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
        response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
        pipeline(answer, response, () => resolve());
      });
      request.pipe(outgoing);
    });
  };
}
