import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';

/**
 * What reaches the apiserver: everything; everything but watches, of which open ones are cut; or nothing, either
 * refused or swallowed without an answer, open watches included.
 */
export type Reach = 'all' | 'no-watches' | 'refused' | 'swallowed';

export interface CuttableApiserver {
  /** Path of a kubeconfig that leads here. */
  kubeconfig: string;
  set(reach: Reach): void;
  /** GETs of single objects that came through since it was last asked. */
  takeGets(): string[];
  close(): Promise<void>;
}

/** Stands in front of the real apiserver with an admin's certificate, and fails on demand as a network does. */
export async function startCuttableApiserver(admin: string, kubeconfig: string): Promise<CuttableApiserver> {
  const config = new KubeConfig();
  config.loadFromFile(admin);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig names no cluster');
  const user = config.getCurrentUser();
  const pem = (data?: string) => (data === undefined ? undefined : Buffer.from(data, 'base64'));
  const agent = new Agent({
    keepAlive: true,
    ca: pem(cluster.caData) ?? '',
    cert: pem(user?.certData) ?? '',
    key: pem(user?.keyData) ?? '',
  });

  let reach: Reach = 'all';
  let gets: string[] = [];
  const watches = new Set<ServerResponse>();

  function handle(asked: IncomingMessage, answer: ServerResponse): void {
    const isWatch = asked.url?.includes('watch=true') === true;
    if (reach === 'swallowed') return;
    if (reach === 'refused' || (reach === 'no-watches' && isWatch)) {
      asked.socket.destroy();
      return;
    }
    if (asked.method === 'GET' && !isWatch) gets.push(asked.url ?? '');
    const { host: _host, ...headers } = asked.headers;
    const onward = httpsRequest(new URL(asked.url ?? '/', cluster?.server), {
      agent,
      method: asked.method ?? 'GET',
      headers,
    });
    onward.on('response', (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      if (isWatch) {
        answer.flushHeaders();
        watches.add(answer);
        answer.on('close', () => watches.delete(answer));
      }
      // By hand, so that a swallowed stream stays open and silent.
      got.on('data', (chunk) => {
        if (reach !== 'swallowed') answer.write(chunk);
      });
      got.on('end', () => {
        if (reach !== 'swallowed') answer.end();
      });
      got.on('error', () => answer.destroy());
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
  }

  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await writeFile(kubeconfig, kubeconfigFor(`http://127.0.0.1:${port}`));
  return {
    kubeconfig,
    set(next) {
      reach = next;
      if (next === 'no-watches' || next === 'refused') for (const one of watches) one.destroy();
    },
    takeGets() {
      const taken = gets;
      gets = [];
      return taken;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await once(server, 'close').catch(() => undefined);
    },
  };
}

function kubeconfigFor(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'cut', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'nobody', user: {} }],
    contexts: [{ name: 'cut', context: { cluster: 'cut', user: 'nobody' } }],
    'current-context': 'cut',
  });
}
