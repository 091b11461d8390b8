import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { hostInterface } from '../../../hack/cluster/node/addresses.ts';

/** All that is left of a cluster on this machine, a line each, found without its own records. */
export function remainsOf(name: string, folder: string): string[] {
  return [
    ...processesIn(name, folder),
    ...readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(folder) || line.includes(`harrier-${name}`))
      .map((line) => `mount ${line}`),
    ...controlGroups(name).map((path) => `cgroup ${path}`),
    ...[netns(name), `/sys/class/net/${hostInterface(name)}`, folder].filter(existsSync),
  ];
}

/** Processes that have the cluster's network namespace, cgroup or folder. */
function processesIn(name: string, folder: string): string[] {
  const wanted = existsSync(netns(name)) ? `net:[${statSync(netns(name)).ino}]` : undefined;
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => {
      try {
        // Ended, though whoever started it has not asked for its exit code yet.
        if (/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return [];
        const text =
          readFileSync(`/proc/${pid}/cgroup`, 'utf8') + readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        const inNetwork = wanted !== undefined && readlinkSync(`/proc/${pid}/ns/net`) === wanted;
        if (!inNetwork && !text.includes(`harrier-${name}/`) && !text.includes(folder)) return [];
        return [`process ${pid} ${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()}`];
      } catch {
        // It ended while it was looked at.
        return [];
      }
    });
}

function controlGroups(name: string): string[] {
  const root = '/sys/fs/cgroup';
  return ['', ...readdirSync(root)].map((part) => `${root}/${part}/harrier-${name}`).filter(existsSync);
}

const netns = (name: string) => `/var/run/netns/harrier-${name}`;
