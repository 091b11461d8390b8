import { connect } from 'node:net';

export interface RawAnswer {
  /** All that came before the connection closed. */
  text: string;
  /** Of the first answer; undefined when the connection closed without one. */
  status: number | undefined;
}

export interface RawRequest {
  /** Resolves when the other side has closed. */
  closed: Promise<RawAnswer>;
  write(bytes: string | Buffer): void;
  end(): void;
}

/** Opens a connection and writes the bytes as they are: for requests that no client library would send. */
export function rawRequest(url: string, bytes: string | Buffer): RawRequest {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname, () => socket.write(bytes));
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
  });
  // A reset is one way of closing.
  socket.on('error', () => undefined);
  const closed = new Promise<RawAnswer>((resolve) =>
    socket.once('close', () => {
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
      resolve({ text, status: status === undefined ? undefined : Number(status) });
    }),
  );
  return { closed, write: (more) => void socket.write(more), end: () => void socket.destroy() };
}

/** The head of a request, with any header as often as it is given. */
export function head(method: string, url: string, headers: readonly (readonly [string, string])[]): string {
  const { host, pathname, search } = new URL(url);
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${method} ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n${lines}\r\n`;
}
