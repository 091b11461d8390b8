/**
 * node:http, fetched without the ES module facade: an `import` of it reads every export, among them the lazy
 * WebSocket classes, and that loads all of undici (13 MiB resident on Node 24 that nothing here uses).
 */
export const http = process.getBuiltinModule('node:http');

/** node:https, loaded at the first use: TLS costs memory that a plain-text cluster never needs. */
export function requesterOf(protocol: string): Pick<typeof http, 'request' | 'Agent'> {
  return protocol === 'https:' ? process.getBuiltinModule('node:https') : http;
}
