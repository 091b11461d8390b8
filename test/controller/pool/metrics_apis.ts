import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { openAuthority } from '../../../hack/cluster/pki.ts';

/** A pod as it is shown to autoscalers. */
export interface MeasuredPod {
  name: string;
  labels: Record<string, string>;
  /** Names of the containers that use something. */
  containers: string[];
}

export interface MetricsApis {
  port: number;
  /** CPU that all pods of the pool use together, in thousandths; the first container of each has its share. */
  cpuOfAll: number;
  /** Values of external metrics by name. */
  readonly external: Map<string, number>;
  close(): Promise<void>;
}

const LIST = { metadata: {} };

/**
 * A fake of what metrics-server and an adapter for external metrics serve behind the apiserver: metrics.k8s.io and
 * external.metrics.k8s.io, as far as the HPA controller asks them. What the pods use is what the test says.
 */
export async function startMetricsApis(
  folder: string,
  podsOf: (namespace: string, labelSelector: string) => Promise<MeasuredPod[]>,
): Promise<MetricsApis> {
  const authority = await openAuthority(folder, 'metrics-ca');
  const { certFile, keyFile } = await authority.issue({
    file: 'metrics',
    commonName: 'metrics',
    hosts: ['localhost'],
  });
  const shown = { cpuOfAll: 0, external: new Map<string, number>() };

  async function answer(url: URL): Promise<object | undefined> {
    const [, , group, version, , namespace = '', what = ''] = url.pathname.split('/');
    if (version === undefined)
      return {
        kind: 'APIGroup',
        apiVersion: 'v1',
        name: group,
        versions: [{ groupVersion: `${group}/v1beta1` }],
      };
    if (namespace === '') return resources(`${group}/${version}`);
    const timestamp = new Date().toISOString();
    if (group === 'external.metrics.k8s.io') {
      const value = String(shown.external.get(what) ?? 0);
      const items = [{ metricName: what, metricLabels: {}, timestamp, value }];
      return { kind: 'ExternalMetricValueList', apiVersion: `${group}/v1beta1`, ...LIST, items };
    }
    if (what !== 'pods') return undefined;
    const pods = await podsOf(namespace, url.searchParams.get('labelSelector') ?? '');
    const share = Math.round(shown.cpuOfAll / Math.max(1, pods.length));
    const items = pods.map(({ name, labels, containers }) => ({
      metadata: { name, namespace, labels },
      timestamp,
      // A pod's first figure counts once it was ready for so long.
      window: '1s',
      containers: containers.map((container, n) => ({
        name: container,
        usage: { cpu: n === 0 ? `${share}m` : '0', memory: '1Mi' },
      })),
    }));
    return { kind: 'PodMetricsList', apiVersion: `${group}/v1beta1`, ...LIST, items };
  }

  const server: Server = createServer(
    { cert: await readFile(certFile), key: await readFile(keyFile) },
    (request, response) => {
      answer(new URL(request.url ?? '/', 'https://localhost')).then(
        (body) => {
          response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
          response.end(JSON.stringify(body ?? {}));
        },
        () => response.writeHead(500).end(),
      );
    },
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(shown, {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

function resources(groupVersion: string): object {
  const pods = {
    name: 'pods',
    singularName: '',
    namespaced: true,
    kind: 'PodMetrics',
    verbs: ['get', 'list'],
  };
  const own = groupVersion.startsWith('metrics.') ? [pods] : [];
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: own };
}

/** What leads the apiserver to them: a Service that is a name, since no address of this machine may be an endpoint. */
export function metricsApiManifests({ port }: MetricsApis, namespace: string): object[] {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'metrics', namespace },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  };
  const apis = ['metrics.k8s.io', 'external.metrics.k8s.io'].map((group) => ({
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `v1beta1.${group}` },
    spec: {
      group,
      version: 'v1beta1',
      service: { name: 'metrics', namespace, port },
      insecureSkipTLSVerify: true,
      groupPriorityMinimum: 100,
      versionPriority: 100,
    },
  }));
  return [service, ...apis];
}
