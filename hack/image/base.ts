import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { run } from '../run/command.ts';
import type { LayerEntry } from './layer.ts';
import { firstThere, librariesOf } from './libraries.ts';

/** The user of every image: the number that distroless images use for nonroot too. */
export const USER = 65532;

const require = createRequire(import.meta.url);

/** Node with its libraries, busybox for a shell, and the user: what every image with Node starts from. */
export async function baseEntries(): Promise<LayerEntry[]> {
  const programs = [
    ['/usr/local/bin/node', nodeBinary()],
    ['/bin/busybox', busyboxBinary()],
  ] as const;
  return [
    ...(await programEntries(programs)),
    ...(await appletEntries()),
    ...certificateEntries(),
    ...userEntries(),
  ];
}

/** Each program under its path in the image, and the shared libraries of all of them. */
export async function programEntries(
  programs: readonly (readonly [path: string, from: string])[],
): Promise<LayerEntry[]> {
  const libraries = await Promise.all(programs.map(([, from]) => librariesOf(from)));
  return [
    ...programs.map(([path, from]): LayerEntry => ({ path, type: 'file', from, mode: 0o755 })),
    ...[...new Set(libraries.flat())].map(
      (path): LayerEntry => ({ path, type: 'file', from: realpathSync(path), mode: 0o755 }),
    ),
  ];
}

/** A link for each applet of busybox, sh among them. */
async function appletEntries(): Promise<LayerEntry[]> {
  const applets = (await run(busyboxBinary(), ['--list'])).trim().split('\n');
  return applets
    .filter((applet) => applet !== 'busybox')
    .map((applet): LayerEntry => ({ path: `/bin/${applet}`, type: 'link', to: 'busybox' }));
}

export function busyboxBinary(): string {
  return firstThere('busybox', ['/bin/busybox', '/usr/bin/busybox', '/usr/local/bin/busybox']);
}

/** The npm package's Node 24, else the one that runs this. */
function nodeBinary(): string {
  const npmPackage = `node-${process.platform}-${process.arch}`;
  try {
    return join(dirname(require.resolve(`${npmPackage}/package.json`)), 'bin', 'node');
  } catch {
    return process.execPath;
  }
}

/** The machine's certificates where it has any; Node brings its own list besides. */
function certificateEntries(): LayerEntry[] {
  const path = '/etc/ssl/certs/ca-certificates.crt';
  const from = [path, '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'].find(existsSync);
  return from === undefined ? [] : [{ path, type: 'file', from }];
}

function userEntries(): LayerEntry[] {
  const passwd = `root:x:0:0:root:/root:/bin/sh\nharrier:x:${USER}:${USER}:harrier:/home/harrier:/bin/sh\n`;
  return [
    { path: '/etc/passwd', type: 'text', text: passwd },
    { path: '/etc/group', type: 'text', text: `root:x:0:\nharrier:x:${USER}:\n` },
    { path: '/etc/nsswitch.conf', type: 'text', text: 'passwd: files\ngroup: files\nhosts: files dns\n' },
    { path: '/home/harrier', type: 'folder', mode: 0o755 },
    { path: '/tmp', type: 'folder', mode: 0o1777 },
  ];
}
