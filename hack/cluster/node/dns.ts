import { Resolver } from 'node:dns/promises';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OwnedProcess } from '../../processes/owned.ts';
import { run } from '../../run/command.ts';
import type { ControlPlane } from '../control_plane.ts';
import type { ClusterNetwork } from './addresses.ts';
import type { Enclosure } from './enclosure.ts';

export const CLUSTER_DOMAIN = 'cluster.local';

/**
 * Starts CoreDNS as a process beside the kubelet, and a Service of the usual name that leads to it.
 * As a process it needs no image and answers before the first pod starts.
 */
export async function startDns(
  enclosure: Enclosure,
  network: ClusterNetwork,
  plane: ControlPlane,
  programs: { coredns: string; kubectl: string },
): Promise<OwnedProcess> {
  const kubeconfig = await plane.kubeconfigFor('coredns', { commonName: 'harrier:coredns' });
  const corefile = join(enclosure.folder, 'node', 'Corefile');
  writeFileSync(
    corefile,
    `.:53 {
  errors
  health 127.0.0.1:8081
  kubernetes ${CLUSTER_DOMAIN} in-addr.arpa {
    kubeconfig ${kubeconfig}
    ttl 5
  }
}
`,
  );
  await run(programs.kubectl, ['--kubeconfig', plane.kubeconfig, 'apply', '--server-side', '-f', '-'], {
    input: JSON.stringify(dnsObjects(network)),
  });
  return enclosure.start('coredns', programs.coredns, ['-conf', corefile]);
}

/** True when a name of the cluster is answered, by the Service's address as pods ask it. */
export async function dnsAnswers(network: ClusterNetwork): Promise<boolean> {
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([network.dnsAddress]);
  return await resolver.resolve4(`kubernetes.default.svc.${CLUSTER_DOMAIN}`).then(
    (addresses) => addresses.length > 0,
    () => false,
  );
}

function dnsObjects(network: ClusterNetwork) {
  const metadata = { name: 'kube-dns', namespace: 'kube-system' };
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ];
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'harrier:coredns' },
        rules: [
          { apiGroups: [''], resources: ['services', 'namespaces'], verbs: ['list', 'watch'] },
          { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
        ],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'harrier:coredns' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'harrier:coredns' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'harrier:coredns' }],
      },
      { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: network.dnsAddress, ports } },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'kube-dns' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: [network.nodeAddress], conditions: { ready: true } }],
        ports: ports.map(({ name, port, protocol }) => ({ name, port, protocol })),
      },
    ],
  };
}
