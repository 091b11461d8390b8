import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';

/** Where to cut: the number of a write, and whether the apiserver still carries it out. */
export interface Cut {
  write: number;
  side: 'before' | 'after';
}

export interface KnifeProxy {
  /** A kubeconfig that leads through the proxy. */
  readonly kubeconfig: string;
  /** The writes that came, in their order, such as `POST pods`. */
  readonly writes: string[];
  /** Whether the cut was made. */
  readonly used: boolean;
  close(): Promise<void>;
}

/**
 * A proxy before the apiserver that counts the writes and calls `kill` before it hands on the one of the cut, or after
 * the apiserver has answered it and before anybody has heard of that. Leases and events are not counted: they come by
 * the clock and beside the work, and nothing is decided from them.
 */
export async function knifeProxy(
  kubeconfig: string,
  cut: Cut | undefined,
  kill: () => void,
): Promise<KnifeProxy> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const target = new URL(config.getCurrentCluster()?.server ?? '');
  const tls: RequestOptions = {};
  await config.applyToHTTPSOptions(tls);
  const agent = new Agent({ keepAlive: true });
  const writes: string[] = [];
  const sockets = new Set<Socket>();
  let used = false;

  function hand(incoming: IncomingMessage, outgoing: ServerResponse, cutAfter: boolean): void {
    const { host: _host, ...headers } = incoming.headers;
    const onward = request(
      {
        ...tls,
        agent,
        host: target.hostname,
        port: target.port,
        method: incoming.method,
        path: incoming.url,
        headers,
      },
      (answer) => {
        if (cutAfter) {
          answer.resume();
          answer.on('end', kill);
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  }

  const server = createServer((incoming, outgoing) => {
    const write = nameOfWrite(incoming);
    if (write !== undefined) writes.push(write);
    const here = write !== undefined && !used && writes.length === cut?.write;
    if (here) used = true;
    if (here && cut?.side === 'before') return kill();
    hand(incoming, outgoing, here);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync(join(tmpdir(), 'harrier-knife-'));
  const file = join(folder, 'kubeconfig');
  writeFileSync(file, plainKubeconfig((server.address() as AddressInfo).port));
  return {
    kubeconfig: file,
    writes,
    get used() {
      return used;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      rmSync(folder, { recursive: true });
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function nameOfWrite({ method = 'GET', url = '/' }: IncomingMessage): string | undefined {
  if (method === 'GET') return undefined;
  const parts = (url.split('?', 1)[0] ?? '').split('/');
  const place = parts.indexOf('namespaces');
  const plural = parts[place + 2] ?? '';
  if (plural === 'leases' || plural === 'events') return undefined;
  return [method, plural, ...parts.slice(place + 4)].join(' ');
}

function plainKubeconfig(port: number): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'knife',
    // KubeConfig takes a plain server only together with this.
    clusters: [
      { name: 'knife', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
    ],
    contexts: [{ name: 'knife', context: { cluster: 'knife', user: 'knife' } }],
    users: [{ name: 'knife', user: {} }],
  });
}
