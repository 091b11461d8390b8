import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { freePorts } from '../cluster/free_ports.ts';
import { startProgram } from '../program.ts';
import type { Started } from './started.ts';

export interface HostProcesses extends AsyncDisposable {
  controller: Started;
  apis: readonly { url: string; process: Started }[];
}

export interface HostOptions {
  /** Harrier's own namespace, with the keys in it; it must exist. */
  namespace: string;
  runnerNamespaces: readonly string[];
  /** How many api replicas; each has a cache of its own. */
  apis: number;
  scratch: string;
}

const ISSUER = 'http://harrier.localhost';

/**
 * Harrier's own processes, from dist/, on this machine instead of in pods: for measuring them, and for a cluster without nodes.
 * They end with what this answers.
 */
export async function startOnHost(cluster: Cluster, options: HostOptions): Promise<HostProcesses> {
  const shared = {
    KUBECONFIG: cluster.kubeconfig,
    HARRIER_NAMESPACE: options.namespace,
    HARRIER_WATCH_NAMESPACES: options.runnerNamespaces.join(','),
    HARRIER_ISSUER: ISSUER,
    HARRIER_LOG_LEVEL: 'warn',
  };
  const ports = await freePorts(1 + 2 * options.apis);
  const urls = Array.from({ length: options.apis }, (_, index) => `http://127.0.0.1:${ports[1 + 2 * index]}`);
  const mode = (name: 'controller' | 'api', env: NodeJS.ProcessEnv) =>
    startProgram(name, { ...shared, ...env });
  const controller = mode('controller', {
    HARRIER_API_URL: urls[0],
    HARRIER_IMAGE: 'harrier:dev',
    HARRIER_OPS_PORT: String(ports[0]),
    HARRIER_IDENTITY: 'host',
  });
  const apis = [];
  for (const [index, url] of urls.entries()) {
    const folder = join(options.scratch, `api-${index}`);
    await mkdir(folder, { recursive: true });
    const process = mode('api', {
      HARRIER_HOST: '127.0.0.1',
      HARRIER_PORT: new URL(url).port,
      HARRIER_OPS_PORT: String(ports[2 + 2 * index]),
      HARRIER_DATA_DIR: folder,
    });
    apis.push({ url, process });
  }
  const all = [controller, ...apis.map(({ process }) => process)];
  const end = async () => {
    await Promise.all(all.map((one) => one[Symbol.asyncDispose]()));
  };
  try {
    for (const { url, process } of apis) await untilReady(url, process);
  } catch (error) {
    await end();
    throw error;
  }
  return { controller, apis, [Symbol.asyncDispose]: end };
}

async function untilReady(url: string, process: Started): Promise<void> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    if (Date.now() > deadline)
      throw new Error(`the api at ${url} is not ready: ${await answer?.text()}\n${process.words()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
