import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Note } from '../../progress.ts';
import { aptInstall } from '../../run/apt_install.ts';

/** Where programs for root are, which not every root's PATH has. */
const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Programs that a node and its images need, each with the Debian package that brings it. */
const PROGRAMS: Record<string, string> = {
  containerd: 'containerd',
  'containerd-shim-runc-v2': 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  ip: 'iproute2',
  nft: 'nftables',
  busybox: 'busybox-static',
  conntrack: 'conntrack',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  mount: 'mount',
  zstd: 'zstd',
};

/** Debian's folder for CNI plugins, and the one that everybody else uses. */
const CNI_FOLDERS = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'];
const CNI_PLUGINS = ['ptp', 'host-local', 'loopback'];

/** Why no real node can run here, or undefined when nothing speaks against it. */
export function whyNoNode(): string | undefined {
  if (process.platform !== 'linux') return 'a real node needs Linux';
  if (process.getuid?.() !== 0) return 'a real node needs root';
  const missing = missingPackages();
  if (missing.length > 0 && !existsSync('/usr/bin/apt-get')) {
    return `a real node needs ${missing.join(', ')}, and there is no apt-get to install them by`;
  }
  return undefined;
}

/** Installs what is missing by apt-get. Does nothing on a machine that has everything. */
export async function installPrerequisites(note: Note): Promise<void> {
  const missing = missingPackages();
  if (missing.length === 0) return;
  const reason = whyNoNode();
  if (reason !== undefined) throw new Error(reason);
  await aptInstall(missing, note);
  const left = missingPackages();
  if (left.length > 0) throw new Error(`apt-get installed them, yet these are not found: ${left.join(', ')}`);
}

export function missingPackages(): string[] {
  const missing = Object.entries(PROGRAMS)
    .filter(([program]) => findProgram(program) === undefined)
    .map(([, debianPackage]) => debianPackage);
  if (cniFolder() === undefined) missing.push('containernetworking-plugins');
  return [...new Set(missing)];
}

/** Absolute path of a program, root's folders included. */
export function findProgram(program: string): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/bin', ...SBIN]
    .map((folder) => join(folder, program))
    .find(existsSync);
}

export function cniFolder(): string | undefined {
  return CNI_FOLDERS.find(
    (folder) => existsSync(folder) && CNI_PLUGINS.every((plugin) => readdirSync(folder).includes(plugin)),
  );
}

/** The PATH that the node's daemons look programs up in. */
export function daemonPath(): string {
  return [...new Set([...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/bin', ...SBIN])].join(
    delimiter,
  );
}
