/**
 * Headers of one connection and not of the message, which nobody in between passes on (RFC 9110 section 7.6.1); so is
 * whatever `Connection` names.
 */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
