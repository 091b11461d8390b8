import { type IncomingHttpHeaders, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { AllowedHosts } from '../egress/allowed_hosts.ts';
import { judgeUrl, NotAllowed, type Resolve } from '../egress/judge_url.ts';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** GETs a URL that somebody else wrote; rejects with Unreachable. Redirects are answers like any other. */
export type GuardedGet = (url: string, headers: Record<string, string>) => Promise<Answer>;

/** There was no answer, or none may be asked for. The message is of our own words: no part of an answer is in it. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

export interface GuardedGetOptions {
  allowed: AllowedHosts;
  /** The chart's value that `allowed` comes from, for the messages. */
  allowedBy?: string;
  /** For the whole request, the name's resolution included, in ms. */
  timeoutMs?: number;
  /** Largest body, in bytes. */
  mostBytes?: number;
  resolve?: Resolve;
}

const HEADER_BYTES = 16 * 1024;

/** The connection goes to an address that was judged. */
export function createGuardedGet(options: GuardedGetOptions): GuardedGet {
  const { allowed, allowedBy = 'credentials.allowedHosts' } = options;
  const { timeoutMs = 5_000, mostBytes = 64 * 1024, resolve } = options;
  const rules = { allowed, allowedBy, ...(resolve === undefined ? {} : { resolve }) };

  return async (text, headers) => {
    const url = new URL(text);
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const [address] = await Promise.race([judgeUrl(url, rules), aborted(signal)]);
      return await getFrom(address, url, { headers, signal, mostBytes });
    } catch (error) {
      if (error instanceof Unreachable) throw error;
      if (error instanceof NotAllowed) throw new Unreachable(error.message);
      if (signal.aborted) throw new Unreachable(`gave no whole answer within ${timeoutMs / 1000} s`);
      throw new Unreachable(`cannot be asked (${codeOf(error)})`);
    }
  };
}

function getFrom(
  address: string,
  url: URL,
  { headers, signal, mostBytes }: { headers: Record<string, string>; signal: AbortSignal; mostBytes: number },
): Promise<Answer> {
  const found = { address, family: isIP(address) };
  const options: RequestOptions = {
    method: 'GET',
    headers: { accept: 'application/json', 'accept-encoding': 'identity', ...headers },
    // A connection of its own: one that is kept was judged by an earlier list and resolution.
    agent: false,
    signal,
    maxHeaderSize: HEADER_BYTES,
    lookup: (_host, { all }, done) =>
      all === true ? done(null, [found]) : done(null, found.address, found.family),
  };
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const request = send(url, options);
    request.once('error', reject);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= mostBytes) {
          chunks.push(chunk);
          return;
        }
        reject(new Unreachable(`answers more than ${mostBytes} bytes`));
        request.destroy();
      });
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    request.end();
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'no connection';
}
