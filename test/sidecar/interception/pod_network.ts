import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface PodNetwork {
  /** What a command begins with that runs as root in the pod's network, with its hosts file. */
  within: readonly string[];
  /** The same as the user that the sidecar has in its image. */
  asSidecar: readonly string[];
  close(): Promise<void>;
}

/**
 * A network of its own with nothing but a loopback, its own /etc/hosts and /etc/resolv.conf, and the sysctl that the
 * pod asks for: what the containers of a pod share. Needs root.
 * @param aliases Names by address, as kubelet writes a pod's host aliases.
 */
export async function makePodNetwork(
  aliases: Readonly<Record<string, string>>,
  sysctls: Readonly<Record<string, string>>,
): Promise<PodNetwork> {
  const folder = await mkdtemp(join(tmpdir(), 'harrier-pod-'));
  const hosts = ['127.0.0.1 localhost', ...Object.entries(aliases).map((one) => one.join(' '))];
  await writeFile(join(folder, 'hosts'), `${hosts.join('\n')}\n`);
  await writeFile(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:2 attempts:2\n');
  const script = [
    'ip link set lo up',
    ...['hosts', 'resolv.conf'].map((file) => `mount --bind ${join(folder, file)} /etc/${file}`),
    ...Object.entries(sysctls).map(
      ([name, value]) => `echo ${value} > /proc/sys/${name.replaceAll('.', '/')}`,
    ),
    'echo ready',
    'exec sleep infinity',
  ].join(' && ');
  const holder = spawn('unshare', ['--mount', '--net', '--propagation', 'private', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(holder, 'exit');
  await Promise.race([
    once(holder.stdout, 'data'),
    exited.then(() => Promise.reject(new Error('no network of its own: unshare failed (is this root?)'))),
  ]);
  const within = ['nsenter', '--target', String(holder.pid), '--mount', '--net'];
  return {
    within,
    asSidecar: [...within, '--setuid', '65532', '--setgid', '65532'],
    async close() {
      holder.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
