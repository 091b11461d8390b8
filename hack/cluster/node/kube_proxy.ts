import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OwnedProcess } from '../../processes/owned.ts';
import type { ControlPlane } from '../control_plane.ts';
import type { ClusterNetwork } from './addresses.ts';
import type { Enclosure } from './enclosure.ts';

/** Starts kube-proxy, whose rules are in the cluster's network namespace and nowhere else. */
export async function startKubeProxy(
  enclosure: Enclosure,
  network: ClusterNetwork,
  plane: ControlPlane,
  nodeName: string,
  program: string,
): Promise<OwnedProcess> {
  const configuration = join(enclosure.folder, 'node', 'kube-proxy.json');
  const kubeconfig = await plane.kubeconfigFor('kube-proxy', { commonName: 'system:kube-proxy' });
  const content = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig },
    hostnameOverride: nodeName,
    clusterCIDR: network.podCidr,
    detectLocalMode: 'ClusterCIDR',
    bindAddress: network.nodeAddress,
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    oomScoreAdj: 0,
    // Outside the first network namespace these are read-only, and kube-proxy ends when it cannot set them.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    nftables: { syncPeriod: '30s', minSyncPeriod: '100ms' },
  };
  writeFileSync(configuration, JSON.stringify(content, null, 2));
  return enclosure.start('kube-proxy', program, [`--config=${configuration}`, '--v=2']);
}
