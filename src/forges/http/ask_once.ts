import type { Dispatcher } from 'undici';

export interface Answered {
  status: number;
  headers: Readonly<Record<string, string | undefined>>;
  text: string;
}

/** No whole answer came. `sent` is false when the forge can't have got the request. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly sent: boolean;

  constructor(message: string, sent: boolean) {
    super(message);
    this.sent = sent;
  }
}

/** An answer came, and there is more of it than is read. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge';
}

export interface AskOptions {
  dispatcher: Dispatcher;
  request: Dispatcher.RequestOptions;
  /** For the whole of it, in ms. */
  timeoutMs: number;
  /** Largest body, in bytes. */
  mostBytes: number;
}

/** Sends one request and reads its answer; rejects with NoAnswer or TooLarge. Redirects are answers like any other. */
export async function askOnce(options: AskOptions): Promise<Answered> {
  const { dispatcher, request, timeoutMs, mostBytes } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const { statusCode, headers, body } = await dispatcher.request({ ...request, signal });
    return { status: statusCode, headers: oneEach(headers), text: await readAll(body, mostBytes) };
  } catch (error) {
    if (error instanceof TooLarge) throw error;
    if (signal.aborted) throw new NoAnswer(`there was no whole answer within ${timeoutMs / 1000} s`, true);
    throw whyNone(error);
  }
}

async function readAll(body: Dispatcher.ResponseData['body'], mostBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop destroys the body, and its connection with it.
    if (bytes > mostBytes) throw new TooLarge(`the answer has more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function oneEach(headers: Dispatcher.ResponseData['headers']): Answered['headers'] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}

/** Before a connection stands nothing has been sent. */
const BEFORE_SENDING = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_PRX_CONN',
]);
const CERTIFICATE = /CERT|SELF_SIGNED|ISSUER|ERR_TLS|UNABLE_TO_VERIFY/;
const PROXY_REFUSED = /^Proxy (response \((\d+)\)|Authentication Required)/;

function whyNone(error: unknown): NoAnswer {
  const { code, message = '' } = (error ?? {}) as { code?: unknown; message?: string };
  const proxyRefused = PROXY_REFUSED.exec(message);
  if (proxyRefused !== null)
    return new NoAnswer(
      `the proxy answered ${proxyRefused[2] ?? '407'}: check spec.forge.proxy, and keys proxyUsername and proxyPassword of the Secret`,
      false,
    );
  if (typeof code !== 'string') return new NoAnswer('the connection broke', true);
  if (CERTIFICATE.test(code))
    return new NoAnswer(
      `its certificate is not trusted (${code}): put the authority's certificate into key ca.crt of the Secret`,
      false,
    );
  return new NoAnswer(`there was no answer (${code})`, !BEFORE_SENDING.has(code));
}
