/**
 * `--import`ed into a client's process: gives it the host alias that its pod would have in /etc/hosts. The client
 * itself is as it comes.
 */
import dns from 'node:dns';

const alias = process.env.POD_HOST_ALIAS;
const { lookup } = dns;
dns.lookup = (hostname, ...rest) => lookup(hostname === alias ? '127.0.0.1' : hostname, ...rest);
