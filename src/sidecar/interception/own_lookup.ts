import type { LookupFunction } from 'node:net';

const dns = process.getBuiltinModule('node:dns');

/**
 * Resolves a name by the machine's DNS servers alone. The usual way reads /etc/hosts first, in which the pod has an
 * alias that leads the results service back to us.
 */
export function ownLookup(resolver = new dns.promises.Resolver()): LookupFunction {
  return (hostname, options, callback) => {
    void addressesOf(hostname, resolver).then(
      (found) => {
        const wanted = found.filter(({ family }) => !options.family || options.family === family);
        const first = wanted[0];
        if (first === undefined) callback(notFound(hostname), '');
        else if (options.all) callback(null, wanted);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };
}

type Resolver = Pick<InstanceType<typeof dns.promises.Resolver>, 'resolve4' | 'resolve6'>;

/** Of both families, those of IPv4 first: node tries them in turns (RFC 8305). */
async function addressesOf(hostname: string, resolver: Resolver) {
  const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  if (four.status === 'rejected' && six.status === 'rejected') throw four.reason;
  const of = (result: typeof four, family: number) =>
    (result.status === 'fulfilled' ? result.value : []).map((address) => ({ address, family }));
  return [...of(four, 4), ...of(six, 6)];
}

function notFound(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`no address of ${hostname}`), { code: 'ENOTFOUND' });
}
