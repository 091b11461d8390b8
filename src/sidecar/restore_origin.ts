/** How @actions/cache names itself in its look-ups: `@actions/cache-6.3.0`, in its old majors `actions/cache`. */
const PARALLEL_CLIENT = /^@?actions\/cache(?:-|$)/;
const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|localhost)(?=:|$)/;

/**
 * The origin of a URL to restore from. @actions/cache restores in parallel segments only from hosts that end
 * `.blob.core.windows.net`; where the pod has an alias of that kind for its loopback, that client alone is given it.
 * Whoever called us by another name than loopback's may stand where the alias isn't known.
 */
export function restoreOrigin(
  origin: string,
  userAgent: string | undefined,
  blobHost: string | undefined,
): string {
  if (blobHost === undefined || !PARALLEL_CLIENT.test(userAgent ?? '')) return origin;
  return origin.replace(LOOPBACK, `http://${blobHost}`);
}

/** Whether a hosts file (hosts(5)) gives that name to this machine's loopback, and to nothing before it. */
export function isLoopbackAlias(hosts: string, name: string): boolean {
  const lines = hosts.split('\n').map((line) => (line.split('#')[0] ?? '').trim().split(/\s+/));
  const address = lines.find(([, ...names]) => names.includes(name))?.[0];
  return address === '127.0.0.1';
}
