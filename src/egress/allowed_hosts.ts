/** Hosts that the operator trusts although they are inside, or speak plain HTTP. */
export interface AllowedHosts {
  has(url: URL): boolean;
  /** Whether no other host may be asked at all; else any public one over TLS. */
  readonly onlyThese: boolean;
}

const ENTRY = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/;
const ANY_PUBLIC = '*';

/** Reads entries `host` (any port) or `host:port`; throws on any other text. No patterns: each host is named. */
export function allowedHosts(entries: readonly string[]): AllowedHosts {
  const known = new Set(entries.map((entry) => entry.trim().toLowerCase()));
  for (const entry of known)
    if (!ENTRY.test(entry)) throw new Error(`not a host or host:port: ${JSON.stringify(entry)}`);
  return {
    onlyThese: false,
    has({ protocol, hostname, port }) {
      const host = hostname.toLowerCase().replace(/\.$/, '');
      const actual = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
      return known.has(host) || known.has(`${host}:${actual}`);
    },
  };
}

/** The same, where public hosts may be asked only if an entry `*` says so. */
export function listedHosts(entries: readonly string[]): AllowedHosts {
  const named = allowedHosts(entries.filter((entry) => entry.trim() !== ANY_PUBLIC));
  return { has: named.has, onlyThese: !entries.some((entry) => entry.trim() === ANY_PUBLIC) };
}

/** Whether allowedHosts reads them. */
export function areHosts(entries: readonly string[]): boolean {
  return reads(allowedHosts, entries);
}

/** Whether listedHosts reads them. */
export function areListedHosts(entries: readonly string[]): boolean {
  return reads(listedHosts, entries);
}

function reads(read: (entries: readonly string[]) => AllowedHosts, entries: readonly string[]): boolean {
  try {
    read(entries);
    return true;
  } catch {
    return false;
  }
}
