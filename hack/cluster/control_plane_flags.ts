import { join } from 'node:path';
import type { Ports } from './control_plane.ts';
import type { Authority, KeyPairFiles } from './pki.ts';

/** The scheduler's default of 50 requests a second would be what a benchmark measures. */
const FAST_CLIENT = ['--kube-api-qps=1000', '--kube-api-burst=1000'];

interface ServiceAccountKeys {
  publicFile: string;
  keyFile: string;
}

export function etcdFlags(options: {
  folder: string;
  ports: Ports;
  caFile: string;
  serving: KeyPairFiles;
}): string[] {
  const { folder, ports, caFile, serving } = options;
  const client = `https://127.0.0.1:${ports.etcd}`;
  const peer = `http://127.0.0.1:${ports.etcdPeer}`;
  return [
    '--name=default',
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    `--trusted-ca-file=${caFile}`,
    `--cert-file=${serving.certFile}`,
    `--key-file=${serving.keyFile}`,
    '--client-cert-auth=true',
    // A power cut may lose a test cluster; waiting for the disk on every write would lose more.
    '--unsafe-no-fsync=true',
    '--quota-backend-bytes=4294967296',
    '--log-level=warn',
  ];
}

export function apiserverFlags(options: {
  folder: string;
  address: string;
  ports: Ports;
  etcd: { caFile: string; client: KeyPairFiles };
  caFile: string;
  serving: KeyPairFiles;
  kubeletClient: KeyPairFiles;
  serviceAccounts: ServiceAccountKeys;
  serviceCidr: string;
  /** With no node nobody dials the Service `kubernetes`, and 127.0.0.1 is no legal endpoint for it. */
  hasNode: boolean;
}): string[] {
  const { address, ports, etcd, caFile, serving, kubeletClient, serviceAccounts } = options;
  return [
    `--bind-address=${options.hasNode ? '0.0.0.0' : address}`,
    `--advertise-address=${address}`,
    `--secure-port=${ports.apiserver}`,
    ...(options.hasNode ? [] : ['--endpoint-reconciler-type=none']),
    `--etcd-servers=https://127.0.0.1:${ports.etcd}`,
    `--etcd-cafile=${etcd.caFile}`,
    `--etcd-certfile=${etcd.client.certFile}`,
    `--etcd-keyfile=${etcd.client.keyFile}`,
    `--service-cluster-ip-range=${options.serviceCidr}`,
    `--client-ca-file=${caFile}`,
    `--tls-cert-file=${serving.certFile}`,
    `--tls-private-key-file=${serving.keyFile}`,
    `--cert-dir=${join(options.folder, 'pki')}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${serviceAccounts.publicFile}`,
    `--service-account-signing-key-file=${serviceAccounts.keyFile}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--kubelet-certificate-authority=${caFile}`,
    `--kubelet-client-certificate=${kubeletClient.certFile}`,
    `--kubelet-client-key=${kubeletClient.keyFile}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--profiling=false',
  ];
}

export function controllerManagerFlags(options: {
  kubeconfig: string;
  port: number;
  authority: Authority;
  serviceAccounts: ServiceAccountKeys;
}): string[] {
  const { kubeconfig, port, authority, serviceAccounts } = options;
  return [
    ...clientFlags(kubeconfig, port),
    `--root-ca-file=${authority.caFile}`,
    `--service-account-private-key-file=${serviceAccounts.keyFile}`,
    `--cluster-signing-cert-file=${authority.caFile}`,
    `--cluster-signing-key-file=${authority.caKeyFile}`,
    '--use-service-account-credentials=true',
    // 15 s by default, which whoever tries an autoscaler here would wait for at each of its steps.
    '--horizontal-pod-autoscaler-sync-period=2s',
  ];
}

export function schedulerFlags(options: { kubeconfig: string; port: number }): string[] {
  return clientFlags(options.kubeconfig, options.port);
}

function clientFlags(kubeconfig: string, port: number): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    // There is one of each: electing a leader among one costs seconds at the start.
    '--leader-elect=false',
    '--profiling=false',
    ...FAST_CLIENT,
  ];
}
