import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OwnedProcess } from '../../processes/owned.ts';
import type { ControlPlane } from '../control_plane.ts';
import type { ClusterNetwork } from './addresses.ts';
import { CONTAINERD_SOCKET } from './containerd.ts';
import { CLUSTER_DOMAIN } from './dns.ts';
import type { Enclosure } from './enclosure.ts';

/** Starts the kubelet of the cluster's one node, which registers itself under its own identity. */
export async function startKubelet(
  enclosure: Enclosure,
  network: ClusterNetwork,
  plane: ControlPlane,
  nodeName: string,
  program: string,
): Promise<OwnedProcess> {
  const folder = join(enclosure.folder, 'node');
  const manifests = join(folder, 'manifests');
  mkdirSync(manifests, { recursive: true });
  const resolvConf = join(folder, 'resolv.conf');
  writeFileSync(resolvConf, '');
  const serving = await plane.authority.issue({
    file: 'kubelet-serving',
    commonName: `system:node:${nodeName}`,
    groups: ['system:nodes'],
    hosts: [nodeName, network.nodeAddress],
  });
  const configuration = join(folder, 'kubelet.json');
  const content = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: plane.authority.caFile },
    },
    authorization: { mode: 'Webhook' },
    address: '0.0.0.0',
    tlsCertFile: serving.certFile,
    tlsPrivateKeyFile: serving.keyFile,
    staticPodPath: manifests,
    clusterDomain: CLUSTER_DOMAIN,
    clusterDNS: [network.dnsAddress],
    resolvConf,
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: enclosure.groups.podsRoot,
    // Limits for all pods together would need rights over the machine's own cgroups.
    enforceNodeAllocatable: [],
    failSwapOn: false,
    // With true it compares where it would otherwise write: enclosure.ts shows it what it wants to see.
    protectKernelDefaults: true,
    failCgroupV1: false,
    localStorageCapacityIsolation: false,
    makeIPTablesUtilChains: false,
    oomScoreAdj: 0,
    maxPods: 250,
    serializeImagePulls: false,
    // The machine's disk is not the cluster's: a nearly full one should not evict runners.
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '0%', 'nodefs.inodesFree': '0%' },
    evictionPressureTransitionPeriod: '10s',
    imageGCHighThresholdPercent: 100,
    // Every image is loaded by hand and could not be pulled again.
    imageMaximumGCAge: '0s',
    // Secrets and ConfigMaps reach pods by watch as they change; only the volume's rewrite waits for this sync.
    configMapAndSecretChangeDetectionStrategy: 'Watch',
    syncFrequency: '10s',
    nodeStatusUpdateFrequency: '2s',
    nodeStatusReportFrequency: '10s',
    kubeAPIQPS: 200,
    kubeAPIBurst: 400,
    eventRecordQPS: 200,
    eventBurst: 400,
  };
  writeFileSync(configuration, JSON.stringify(content, null, 2));
  const kubeconfig = await plane.kubeconfigFor('kubelet', {
    commonName: `system:node:${nodeName}`,
    groups: ['system:nodes'],
  });
  return enclosure.start('kubelet', program, [
    `--config=${configuration}`,
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${network.nodeAddress}`,
    `--cert-dir=${join(folder, 'pki')}`,
    '--v=2',
  ]);
}
