import type { Informer } from '../kube/types.ts';
import type { ScalerServer } from '../runtime/keda/listen.ts';
import type { ServedPool } from '../runtime/served_pools.ts';
import type { ApiConfig } from './api_config.ts';

/** The external scaler for KEDA, where the configuration has a port for it. */
export function openKedaScaler(options: {
  config: Pick<ApiConfig, 'HARRIER_KEDA_PORT' | 'HARRIER_KEDA_TLS_DIR' | 'HARRIER_KEDA_CLIENT_CERTIFICATES'>;
  pools: Pick<Informer<ServedPool>, 'store' | 'synced' | 'onChange'>;
}): { start(host: string): Promise<string>; stop(): Promise<void> } | undefined {
  const { config, pools } = options;
  const port = config.HARRIER_KEDA_PORT;
  if (port === undefined) return undefined;
  let server: ScalerServer | undefined;
  return {
    async start(host) {
      // Loaded where it is used: gRPC would cost memory in every api that KEDA never asks.
      const { listenForKeda } = await import('../runtime/keda/listen.ts');
      server = await listenForKeda({
        pools,
        host,
        port,
        tlsDir: config.HARRIER_KEDA_TLS_DIR,
        clientCertificates: config.HARRIER_KEDA_CLIENT_CERTIFICATES,
      });
      return server.address;
    },
    async stop() {
      await server?.stop();
    },
  };
}
