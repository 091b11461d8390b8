import { connect, type Socket } from 'node:net';

export interface PlainLoad {
  url: string;
  headers: Record<string, string>;
  connections: number;
  seconds: number;
}

/**
 * GETs over kept connections, one after the other on each; answers how many a second were answered 200. It looks for an
 * answer's status and its end and for nothing else: autocannon takes about as much processor time as the api, which on
 * two cores is then measured along where a third process has work to do.
 */
export async function plainLoad({ url, headers, connections, seconds }: PlainLoad): Promise<number> {
  const { hostname, port, pathname, host } = new URL(url);
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = Buffer.from(`GET ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`);
  const began = performance.now();
  const until = began + seconds * 1000;
  const counts = await Promise.all(
    Array.from({ length: connections }, () => lane(connect(Number(port), hostname), request, until)),
  );
  return counts.reduce((sum, count) => sum + count, 0) / ((performance.now() - began) / 1000);
}

function lane(socket: Socket, request: Buffer, until: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let answered = 0;
    let received = '';
    socket.setNoDelay(true).setEncoding('latin1');
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.once('connect', () => socket.write(request));
    socket.on('data', (text: string) => {
      received += text;
      const end = received.indexOf('\r\n\r\n');
      if (end === -1) return;
      const length = /\r\ncontent-length: (\d+)/i.exec(received)?.[1];
      if (!received.startsWith('HTTP/1.1 200 ') || length === undefined) {
        reject(new Error(received.slice(0, end)));
        socket.destroy();
        return;
      }
      if (received.length < end + 4 + Number(length)) return;
      received = '';
      answered++;
      if (performance.now() < until) socket.write(request);
      else {
        socket.removeAllListeners('close').destroy();
        resolve(answered);
      }
    });
  });
}
