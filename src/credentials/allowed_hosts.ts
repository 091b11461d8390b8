/** Hosts that the operator trusts although they are inside, or speak plain HTTP. */
export interface AllowedHosts {
  has(url: URL): boolean;
}

const ENTRY = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/;

/** Reads entries `host` (any port) or `host:port`; throws on any other text. No patterns: each host is named. */
export function allowedHosts(entries: readonly string[]): AllowedHosts {
  const known = new Set(entries.map((entry) => entry.trim().toLowerCase()));
  for (const entry of known)
    if (!ENTRY.test(entry)) throw new Error(`not a host or host:port: ${JSON.stringify(entry)}`);
  return {
    has({ protocol, hostname, port }) {
      const host = hostname.toLowerCase().replace(/\.$/, '');
      const actual = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
      return known.has(host) || known.has(`${host}:${actual}`);
    },
  };
}

/** Whether allowedHosts reads them. */
export function areHosts(entries: readonly string[]): boolean {
  try {
    allowedHosts(entries);
    return true;
  } catch {
    return false;
  }
}
