import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../../processes/identity.ts';
import { logTail } from '../../processes/owned.ts';
import type { ClusterNetwork } from './addresses.ts';
import type { Enclosure } from './enclosure.ts';
import { cniFolder } from './prerequisites.ts';

/** As seen in the enclosure. */
export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';

/** Starts containerd and waits until it answers. `sandboxImage` is the pause image's reference, loaded by hand. */
export async function startContainerd(
  enclosure: Enclosure,
  network: ClusterNetwork,
  sandboxImage: string,
): Promise<void> {
  const folder = join(enclosure.folder, 'node');
  const configuration = join(folder, 'containerd.toml');
  const networks = join(folder, 'cni');
  mkdirSync(networks, { recursive: true });
  writeFileSync(join(networks, '10-pods.conflist'), JSON.stringify(podNetwork(network, folder), null, 2));
  writeFileSync(configuration, containerdConfiguration(folder, networks, sandboxImage));

  const containerd = enclosure.start('containerd', 'containerd', ['--config', configuration]);
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answered = await ctr(enclosure, ['version']).then(
      () => true,
      () => false,
    );
    if (answered) return;
    if (!isAlive(containerd) || Date.now() > deadline) {
      throw new Error(`containerd does not answer:\n${logTail(enclosure.folder, 'containerd')}`);
    }
    await sleep(50);
  }
}

export function ctr(enclosure: Enclosure, args: readonly string[]): Promise<string> {
  return enclosure.run('ctr', ['--address', CONTAINERD_SOCKET, '--namespace', 'k8s.io', ...args]);
}

function containerdConfiguration(folder: string, networks: string, sandboxImage: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = ${JSON.stringify(join(folder, 'containerd'))}
state = "/run/containerd/state"

[grpc]
  address = "${CONTAINERD_SOCKET}"

[plugins."io.containerd.internal.v1.opt"]
  path = ${JSON.stringify(join(folder, 'opt'))}

[${cri}]
  sandbox_image = ${JSON.stringify(sandboxImage)}
  # Without CAP_SYS_RESOURCE nothing can lower its OOM score, and runc then fails with
  # "can't get final child's PID from pipe".
  restrict_oom_score_adj = true
  # In the enclosure, where it goes with its mount namespace, and not in /var/run/netns of the host.
  netns_mounts_under_state_dir = true
  [${cri}.cni]
    bin_dir = ${JSON.stringify(cniFolder() ?? '/opt/cni/bin')}
    conf_dir = ${JSON.stringify(networks)}
  [${cri}.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [${cri}.containerd.runtimes.runc.options]
      SystemdCgroup = false
`;
}

/**
 * Each pod on a point-to-point link of its own, so that all between pods is routed and passes conntrack.
 * On a bridge the answer of a Service's pod would go back to the asking pod directly, unless
 * br_netfilter is loaded, and not be translated.
 */
function podNetwork(network: ClusterNetwork, folder: string) {
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'ptp',
        mtu: 1400,
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: join(folder, 'addresses'),
          ranges: [[{ subnet: network.podCidr }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  };
}
