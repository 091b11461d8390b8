import { join } from 'node:path';
import { experimental, Server, ServerCredentials } from '@grpc/grpc-js';
import type { Informer } from '../../kube/types.ts';
import type { ServedPool } from '../served_pools.ts';
import { externalScalerService } from './external_scaler.ts';
import { createScaler } from './scaler.ts';

export interface ScalerServerOptions {
  pools: Pick<Informer<ServedPool>, 'store' | 'synced' | 'onChange'>;
  host: string;
  port: number;
  /** Folder with tls.crt and tls.key, followed as they are renewed; without TLS when absent. */
  tlsDir: string | undefined;
  /** Whether KEDA has to show a certificate of the authority in the folder's ca.crt. */
  clientCertificates: boolean;
}

export interface ScalerServer {
  /** host:port */
  address: string;
  stop(): Promise<void>;
}

/** Questions of KEDA are some hundred bytes. */
const MOST_BYTES = 64 * 1024;
const REREAD_MS = 10_000;
const STOP_WITHIN_MS = 2_000;

/** Serves KEDA's external scaler by gRPC. */
export async function listenForKeda(options: ScalerServerOptions): Promise<ScalerServer> {
  const { pools, host, port } = options;
  const server = new Server({
    'grpc.max_receive_message_length': MOST_BYTES,
    'grpc.max_concurrent_streams': 1_000,
    'grpc.max_connection_idle_ms': 600_000,
  });
  server.addService(externalScalerService(), createScaler(pools));
  const bound = await new Promise<number>((resolve, reject) => {
    const at = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    server.bindAsync(at, credentialsOf(options), (error, found) =>
      error === null ? resolve(found) : reject(error),
    );
  });
  return {
    address: `${host.includes(':') ? `[${host}]` : host}:${bound}`,
    async stop() {
      // Streams stay open for ever by themselves.
      const late = setTimeout(() => server.forceShutdown(), STOP_WITHIN_MS);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(late);
    },
  };
}

function credentialsOf({ tlsDir, clientCertificates }: ScalerServerOptions): ServerCredentials {
  if (tlsDir === undefined) return ServerCredentials.createInsecure();
  const files = new experimental.FileWatcherCertificateProvider({
    certificateFile: join(tlsDir, 'tls.crt'),
    privateKeyFile: join(tlsDir, 'tls.key'),
    ...(clientCertificates ? { caCertificateFile: join(tlsDir, 'ca.crt') } : {}),
    refreshIntervalMs: REREAD_MS,
  });
  return experimental.createCertificateProviderServerCredentials(
    files,
    clientCertificates ? files : null,
    clientCertificates,
  );
}
