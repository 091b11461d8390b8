import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../hack/run/command.ts';
import { start } from '../hack/run/started.ts';

/** A network namespace that is joined to this one by a link on which every packet takes a while. */
export interface SlowLink extends AsyncDisposable {
  /** Address of this side. */
  here: string;
  /** What a command is given in front of it, to run on the other side. */
  there: readonly string[];
}

/** As large as a packet can be: that is how the kernel hands TCP's on between two namespaces, too. */
const MTU = '65520';

/** Needs root, and Go: `slow_link/` carries the packets, since many kernels are without netem. */
export async function openSlowLink(scratch: string, delayMs: number): Promise<SlowLink> {
  await using opened = new AsyncDisposableStack();
  const program = join(scratch, 'slow_link');
  await run('go', [
    '-C',
    join(import.meta.dirname, 'slow_link'),
    'build',
    '-buildvcs=false',
    '-o',
    program,
    '.',
  ]);
  const id = process.pid;
  const [near, far, namespace] = [`slow-${id}a`, `slow-${id}b`, `harrier-slow-${id}`];
  // Two addresses of the block for benchmarks (RFC 2544).
  const [here, other] = ['198.18.213.1', '198.18.213.2'];
  const there = ['nsenter', `--net=/var/run/netns/${namespace}`] as const;

  const carrier = opened.use(start(program, [near, far, `${delayMs}ms`]));
  await carrier.line(/devices made/);
  await run('ip', ['netns', 'add', namespace]);
  opened.defer(async () => void (await run('ip', ['netns', 'delete', namespace])));
  await run('ip', ['link', 'set', far, 'netns', namespace]);
  const join_ = async (prefix: readonly string[], device: string, address: string) => {
    const [file = '', ...args] = [...prefix, 'ip'];
    await run(file, [...args, 'link', 'set', device, 'mtu', MTU, 'up']);
    await run(file, [...args, 'address', 'add', `${address}/30`, 'dev', device]);
  };
  await join_([], near, here);
  await join_(there, far, other);
  await run('nsenter', [...there.slice(1), 'ip', 'link', 'set', 'lo', 'up']);
  const whole = opened.move();
  return { here, there, [Symbol.asyncDispose]: () => whole.disposeAsync() };
}

/** What a command is given in front of it, so that it sees these lines in /etc/hosts. */
export async function withHosts(scratch: string, lines: readonly string[]): Promise<readonly string[]> {
  const hosts = join(scratch, 'hosts');
  await writeFile(hosts, `${lines.join('\n')}\n`);
  return ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', hosts];
}
