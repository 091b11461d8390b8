import { type AddressInfo, connect, createServer, isIP, type Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';

/** A TCP relay before the apiserver of a kubeconfig, to count its connections, cut them, and be away for a while. */
export async function relayTo(kubeconfigFile: string) {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfigFile);
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) throw new Error('no current cluster');
  const target = new URL(cluster.server);
  const pairs = new Set<Socket>();
  const state = { connections: 0, away: false, deaf: false };

  const server = createServer((incoming) => {
    if (state.away) return void incoming.resetAndDestroy();
    state.connections++;
    const outgoing = connect(Number(target.port || 443), target.hostname.replace(/^\[|\]$/g, ''));
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      pairs.add(from);
      from.on('data', (chunk) => {
        if (!state.deaf && !to.destroyed) to.write(chunk);
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        pairs.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const { port } = server.address() as AddressInfo;
  kubeConfig.clusters = kubeConfig.clusters.map((one) =>
    one.name === cluster.name
      ? { ...one, server: `https://127.0.0.1:${port}`, ...servername(one.tlsServerName, target.hostname) }
      : one,
  );
  return {
    kubeConfig,
    state,
    cut(): void {
      for (const socket of pairs) socket.resetAndDestroy();
    },
    /** Cuts everything and refuses connections until the returned function is called. */
    leave(): () => void {
      state.away = true;
      this.cut();
      return () => {
        state.away = false;
      };
    },
    async close(): Promise<void> {
      for (const socket of pairs) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What the certificate is checked against; an address stands for itself. */
function servername(given: string | undefined, host: string): { tlsServerName?: string } {
  if (given !== undefined) return { tlsServerName: given };
  return isIP(host) === 0 ? { tlsServerName: host } : {};
}
