import { isIP, type LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import { type Addresses, hostOf } from '../../egress/judge_url.ts';

export interface ForgeProxy {
  url: URL;
  /** Value of Proxy-Authorization. */
  authorization: string | undefined;
}

export interface ConnectionOptions {
  base: URL;
  /** PEM of authorities that are trusted besides those of the system. */
  ca: string | undefined;
  proxy: ForgeProxy | undefined;
  /** For a connection, its TLS included, in ms. */
  timeoutMs: number;
}

/** Connections that are kept from one call to the next. */
export interface Connections {
  dispatcher: Dispatcher;
  /** From now on new connections go to one of these addresses: the proxy's, where there is one, else the forge's. */
  pin(addresses: Addresses): void;
}

const MOST_CONNECTIONS = 8;
/** A forge that moves is followed within so long, however busy its connections are. */
const LONGEST_LIFE_MS = 300_000;

export function openConnections({ base, ca, proxy, timeoutMs }: ConnectionOptions): Connections {
  let pinned: { address: string; family: number }[] = [];
  // The name is never resolved here: what was judged is what is connected to.
  const lookup: LookupFunction = (_host, { all }, done) => {
    const [first] = pinned;
    if (first === undefined) return done(new Error('no address was judged'), []);
    return all === true ? done(null, pinned) : done(null, first.address, first.family);
  };
  const trust = ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] };
  const connect = { ...trust, timeout: timeoutMs, allowH2: false };
  const pool = { connections: MOST_CONNECTIONS, clientTtl: LONGEST_LIFE_MS };
  const host = hostOf(base);
  const dispatcher =
    proxy === undefined
      ? new Pool(base.origin, { ...pool, connect: { ...connect, lookup } })
      : new ProxyAgent({
          ...pool,
          uri: proxy.url.href,
          ...(proxy.authorization === undefined ? {} : { token: proxy.authorization }),
          proxyTls: { ...connect, lookup },
          requestTls: { ...connect, ...(isIP(host) === 0 ? { servername: host } : {}) },
        });
  return {
    dispatcher,
    pin(addresses) {
      pinned = addresses.map((address) => ({ address, family: isIP(address) }));
    },
  };
}
