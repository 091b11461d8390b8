import { type Dispatcher, request } from 'undici';

export interface FetchOptions {
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
  timeoutMs: number;
  mostBytes: number;
  dispatcher?: Dispatcher;
}

/** Another installation didn't answer, or not with what was asked for. Says nothing of what it answered. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/**
 * The JSON that a URL answers with 200. No redirect is followed, since where it led was not configured; time and size
 * are bounded, since the other end is another's.
 */
export async function fetchJson(url: string, options: FetchOptions): Promise<unknown> {
  const { method = 'GET', headers = {}, body = null, timeoutMs, mostBytes, dispatcher } = options;
  const answer = await request(url, {
    method,
    headers: { accept: 'application/json', ...headers },
    body,
    signal: AbortSignal.timeout(timeoutMs),
    ...(dispatcher === undefined ? {} : { dispatcher }),
  });
  if (answer.statusCode !== 200) {
    await answer.body.dump();
    throw new NoAnswer(`status ${answer.statusCode}`);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new NoAnswer('too large');
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
