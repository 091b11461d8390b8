import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../processes/identity.ts';
import { logTail, type OwnedProcess, startOwned } from '../processes/owned.ts';
import type { Note } from '../progress.ts';
import { apiserverFlags, controllerManagerFlags, etcdFlags, schedulerFlags } from './control_plane_flags.ts';
import { freePorts } from './free_ports.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { type Authority, type KeyPairFiles, keyPairFiles, openAuthority } from './pki.ts';
import { connect } from './readyz.ts';

export interface ControlPlaneOptions {
  /** The cluster's state folder: certificates, logs, data and the record of its processes go there. */
  folder: string;
  /** The folder with etcd, kube-apiserver, kube-controller-manager and kube-scheduler. */
  binaries: string;
  /** Where the apiserver listens, and what it tells the cluster's pods. Default: 127.0.0.1, for a cluster without a node. */
  address?: string;
  /** A network namespace under /var/run/netns that the processes run in. It must be there, with lo and the address up. */
  netns?: string;
  /** The range of Services' addresses. Two clusters with nodes on one machine need ranges of their own. */
  serviceCidr?: string;
  /** More names or addresses for the apiserver's certificate. */
  extraHosts?: string[];
  note?: Note;
}

export interface ControlPlane {
  folder: string;
  /** URL of the apiserver. */
  server: string;
  /** Path of a kubeconfig in the group system:masters. */
  kubeconfig: string;
  /** Signs what the apiserver trusts: clients (users by CN, groups by O) and kubelets' serving certificates. */
  authority: Authority;
  /** Public half of the service accounts' signing key. */
  serviceAccountKeyFile: string;
  /** Writes <folder>/<name>.kubeconfig for a user. */
  kubeconfigFor(name: string, user: { commonName: string; groups?: string[] }): Promise<string>;
}

const SERVICE_CIDR = '10.96.0.0/16';
const READY_WITHIN_MS = 90_000;

/** Starts etcd, the apiserver, the controller-manager and the scheduler, and waits until they do their work. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { folder, binaries, netns, note = () => {} } = options;
  const { address = '127.0.0.1', serviceCidr = SERVICE_CIDR } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ports = await choosePorts(netns);

  note('certificates');
  const pkiFolder = join(folder, 'pki');
  const etcdAuthority = await openAuthority(pkiFolder, 'etcd-ca');
  const etcdServing = await etcdAuthority.issue({ file: 'etcd', commonName: 'etcd', hosts: ['127.0.0.1'] });
  const etcdClient = await etcdAuthority.issue({ file: 'etcd-client', commonName: 'kube-apiserver' });
  const authority = await openAuthority(pkiFolder, 'ca');
  const serviceAccounts = await keyPairFiles(pkiFolder, 'service-accounts');
  const serving = await authority.issue({
    file: 'apiserver',
    commonName: 'kube-apiserver',
    hosts: servingHosts([address, firstAddress(serviceCidr), ...(options.extraHosts ?? [])]),
  });
  const kubeletClient = await authority.issue({
    file: 'apiserver-kubelet-client',
    commonName: 'kube-apiserver-kubelet-client',
    groups: ['system:masters'],
  });

  const server = `https://${address}:${ports.apiserver}`;
  const plane: ControlPlane = {
    folder,
    server,
    kubeconfig: join(folder, 'admin.kubeconfig'),
    authority,
    serviceAccountKeyFile: serviceAccounts.publicFile,
    kubeconfigFor: async (name, user) =>
      writeKubeconfig(join(folder, `${name}.kubeconfig`), {
        server,
        caFile: authority.caFile,
        user: await authority.issue({ file: name, ...user }),
        name: `harrier-${name}`,
      }),
  };
  await plane.kubeconfigFor('admin', { commonName: 'harrier-admin', groups: ['system:masters'] });

  const start = (name: string, args: string[]) =>
    startOwned({ folder, name, program: join(binaries, name), args, netns });

  note('etcd and kube-apiserver');
  const etcd = start(
    'etcd',
    etcdFlags({ folder, ports, caFile: etcdAuthority.caFile, serving: etcdServing }),
  );
  const apiserver = start(
    'kube-apiserver',
    apiserverFlags({
      folder,
      address,
      ports,
      etcd: { caFile: etcdAuthority.caFile, client: etcdClient },
      caFile: authority.caFile,
      serving,
      kubeletClient,
      serviceAccounts,
      serviceCidr,
      hasNode: netns !== undefined,
    }),
  );
  const admin = connect(authority.caFile, await adminKeys(authority));
  try {
    await until(folder, [etcd, apiserver], 'kube-apiserver', () => admin.ready(server), note);

    note('kube-controller-manager and kube-scheduler');
    const manager = start(
      'kube-controller-manager',
      controllerManagerFlags({
        kubeconfig: await plane.kubeconfigFor('kube-controller-manager', {
          commonName: 'system:kube-controller-manager',
        }),
        port: ports.controllerManager,
        authority,
        serviceAccounts,
      }),
    );
    const scheduler = start(
      'kube-scheduler',
      schedulerFlags({
        kubeconfig: await plane.kubeconfigFor('kube-scheduler', { commonName: 'system:kube-scheduler' }),
        port: ports.scheduler,
      }),
    );
    // No pod can be created before its namespace's service account: with it, the controllers are at work.
    const account = `${server}/api/v1/namespaces/default/serviceaccounts/default`;
    await until(folder, [etcd, apiserver, manager, scheduler], 'default', () => admin.exists(account), note);
  } finally {
    await admin.close();
  }
  return plane;
}

function adminKeys(authority: Authority): Promise<KeyPairFiles> {
  return authority.issue({ file: 'admin', commonName: 'harrier-admin', groups: ['system:masters'] });
}

/** A network namespace of its own has every port free, and the usual ones are easier to read. */
async function choosePorts(netns: string | undefined) {
  const usual = [2379, 2380, 6443, 10257, 10259];
  const [etcd, etcdPeer, apiserver, controllerManager, scheduler] = (
    netns === undefined ? await freePorts(usual.length) : usual
  ) as [number, number, number, number, number];
  return { etcd, etcdPeer, apiserver, controllerManager, scheduler };
}

export type Ports = Awaited<ReturnType<typeof choosePorts>>;

/** The Service `kubernetes` always has the first address of the range. */
function firstAddress(cidr: string): string {
  const [network = ''] = cidr.split('/');
  return network.replace(/\d+$/, (last) => String(Number(last) + 1));
}

function servingHosts(addresses: string[]): string[] {
  const service = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ];
  return [...new Set([...addresses, '127.0.0.1', 'localhost', ...service])];
}

async function until(
  folder: string,
  processes: OwnedProcess[],
  what: string,
  condition: () => Promise<boolean>,
  note: Note,
): Promise<void> {
  const started = Date.now();
  while (!(await condition())) {
    const dead = processes.find((owned) => !isAlive(owned));
    if (dead !== undefined) throw new Error(`${dead.name} ended:\n${logTail(folder, dead.name)}`);
    if (Date.now() - started > READY_WITHIN_MS) {
      const last = processes.at(-1)?.name ?? 'etcd';
      throw new Error(`${what} is not ready after ${READY_WITHIN_MS / 1000} s:\n${logTail(folder, last)}`);
    }
    note(`waiting for ${what}`);
    await sleep(100);
  }
}
