import type { OutgoingHttpHeaders } from 'node:http';
import type { Exchange } from './handlers.ts';
import type { Refused } from './refusal.ts';

const { randomUUID } = process.getBuiltinModule('node:crypto');
const SERVICE_VERSION = '2026-02-06';

/** An error of the blob service, as its clients know it: a code in the header and again in the XML body. */
export class BlobError extends Error {
  override readonly name = 'BlobError';
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Headers of every answer: the Go SDK's callers dereference `x-ms-request-id` unchecked. */
export function blobHeaders({ request }: Exchange, more: OutgoingHttpHeaders = {}): OutgoingHttpHeaders {
  const clientId = request.headers['x-ms-client-request-id'];
  return {
    'x-ms-request-id': randomUUID(),
    'x-ms-version': request.headers['x-ms-version'] ?? SERVICE_VERSION,
    ...(clientId === undefined ? {} : { 'x-ms-client-request-id': clientId }),
    ...more,
  };
}

/** 201 with what an SDK reads of a written blob or block. */
export function sendCreated(exchange: Exchange, more: OutgoingHttpHeaders = {}): void {
  const headers = { 'content-length': 0, 'x-ms-request-server-encrypted': 'true', ...more };
  exchange.response.writeHead(201, blobHeaders(exchange, headers));
  exchange.response.end();
}

export function sendBlobError(exchange: Exchange, error: BlobError): void {
  const body = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${error.code}</Code><Message>${escapeXml(error.message)}</Message></Error>`;
  exchange.response.writeHead(
    error.status,
    blobHeaders(exchange, {
      'content-type': 'application/xml',
      'content-length': Buffer.byteLength(body),
      'x-ms-error-code': error.code,
    }),
  );
  exchange.response.end(exchange.request.method === 'HEAD' ? undefined : body);
}

/** The api's refusal in the blob service's words; what may pass by itself becomes the 503 that SDKs retry. */
export function asBlobError(refused: Refused): BlobError {
  // Room does not come back within the seconds for which a 503 is retried.
  if (refused.status === 507) return new BlobError(507, 'InsufficientStorage', refused.message);
  if (refused.status === 429 || refused.status >= 500)
    return new BlobError(503, 'ServerBusy', refused.message);
  if (refused.status === 401 || refused.status === 403)
    return new BlobError(403, 'AuthenticationFailed', refused.message);
  if (refused.status === 404) return new BlobError(404, 'BlobNotFound', refused.message);
  if (refused.status === 413) return new BlobError(413, 'RequestBodyTooLarge', refused.message);
  return new BlobError(400, 'InvalidInput', refused.message);
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
