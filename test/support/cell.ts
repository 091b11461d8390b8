import { freePorts } from '../../hack/cluster/free_ports.ts';
import { RunnerPoolKind, SecretKind } from '../../src/kube/kinds.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import { PodPart, tokenSecretName } from '../../src/resources/group.ts';
import { type ControllerProcess, startController } from '../controller/controller_process.ts';
import { clientOf, eventually, PoolInCluster, poolManifest } from '../controller/pool_in_cluster.ts';
import { type ApiProcess, startApi } from '../runtime/api_process.ts';

/** A whole Harrier in one namespace: a controller and api replicas as processes, told of each other by their settings. */
export interface Cell {
  readonly client: KubeClient;
  readonly namespace: string;
  /** URL of the first replica, where its discovery document says that it is. */
  readonly issuer: string;
  readonly controller: ControllerProcess | undefined;
  readonly apis: readonly ApiProcess[];
  /** Makes a pool and waits until each of its runners has a JWT. */
  pool(name: string, replicas: number, spec?: Record<string, unknown>): Promise<PoolInCluster>;
  /** The JWT that a runner's pod has at this moment. */
  jwtOf(pod: string): Promise<string>;
  stop(): Promise<void>;
}

export interface CellOptions {
  kubeconfig: string;
  namespace: string;
  replicas?: number;
  /** Settings of every replica of the api. */
  api?: Record<string, string>;
  /** False where the test runs the controller itself, else settings of it. */
  controller?: boolean | Record<string, string>;
}

export async function startCell(options: CellOptions): Promise<Cell> {
  const { kubeconfig, namespace, replicas = 1 } = options;
  const client = clientOf(kubeconfig);
  const [port] = await freePorts(1);
  const issuer = `http://127.0.0.1:${port}`;
  const { controller: settings = {} } = options;
  const controller =
    settings === false
      ? undefined
      : startController({
          kubeconfig,
          namespace,
          env: { ...(settings === true ? {} : settings), HARRIER_ISSUER: issuer },
        });
  const apis = await Promise.all(
    Array.from({ length: replicas }, (_, i) =>
      startApi({
        kubeconfig,
        namespace,
        runners: namespace,
        ready: controller !== undefined,
        env: { ...options.api, HARRIER_ISSUER: issuer, ...(i === 0 ? { HARRIER_PORT: `${port}` } : {}) },
      }),
    ),
  );

  return {
    client,
    namespace,
    issuer,
    controller,
    apis,
    async pool(name, count, spec = {}) {
      await client.create(RunnerPoolKind, poolManifest(namespace, name, { replicas: count, ...spec }));
      const pool = new PoolInCluster(client, namespace, name);
      await eventually(`${count} runners of ${name} with a JWT`, async () => {
        const active = (await pool.tokens()).filter(
          ({ spec, status }) => spec.poolRef.name === name && spec.podRef && status?.phase === 'Active',
        );
        return active.length === count;
      });
      return pool;
    },
    async jwtOf(pod) {
      const secret = await client.get(SecretKind, namespace, tokenSecretName(pod));
      const text = secret?.data?.[PodPart.tokenFile];
      if (text === undefined) throw new Error(`${pod} has no JWT`);
      return Buffer.from(text, 'base64').toString('utf8');
    },
    async stop() {
      await Promise.all([...apis.map((api) => api.stop()), controller?.kill('SIGTERM')]);
      await client.close();
    },
  };
}
