import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';

export interface SeenByGithub {
  method: string;
  url: string;
  /** In order and spelling. */
  headers: string[];
  bytes: number;
  sha256: string;
}

/** A fake of GitHub's results service: keeps what it was asked, and sends each body back as it arrives. */
export function fakeGithubResults(tls: { cert: string; key: string }, seen: SeenByGithub[]): Server {
  const server = createServer(tls, (request, response) => void echo(request, response, seen));
  // As the runner's live log is: whatever comes over the line goes back.
  server.on('upgrade', (request, socket, head) => {
    seen.push({ ...headOf(request), bytes: 0, sha256: '' });
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Line: up\r\n\r\n',
    );
    socket.write(head);
    socket.pipe(socket);
    socket.on('error', () => socket.destroy());
  });
  return server;
}

async function echo(request: IncomingMessage, response: ServerResponse, seen: SeenByGithub[]) {
  const entry: SeenByGithub = { ...headOf(request), bytes: 0, sha256: '' };
  seen.push(entry);
  const hash = createHash('sha256');
  response.sendDate = false;
  response.writeHead(207, 'Seen', [
    ...['X-GitHub-Request-Id', 'AbC:1'],
    ...['Set-Cookie', 'a=1'],
    ...['Set-Cookie', 'b=2'],
    ...['Content-Type', 'application/octet-stream'],
  ]);
  for await (const chunk of request) {
    hash.update(chunk);
    entry.bytes += chunk.length;
    if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
  }
  entry.sha256 = hash.digest('hex');
  response.end();
}

function headOf({ method = '', url = '', rawHeaders }: IncomingMessage) {
  return { method, url, headers: rawHeaders };
}
