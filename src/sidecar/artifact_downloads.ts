import type { OutgoingHttpHeaders } from 'node:http';
import type { ArtifactDownloadAnswer } from '../protocol/artifacts.ts';
import { ARTIFACT_PREFIX } from './artifact_urls.ts';
import { asBlobError, BlobError, blobHeaders, sendBlobError } from './azure_answer.ts';
import type { Exchange, Handler } from './handlers.ts';
import { fetchEntry, type PartedEntry } from './parts/fetch_entry.ts';
import { PartList } from './parts/part_list.ts';
import { asRefused, Refused } from './refusal.ts';
import { secret } from './secret.ts';
import { isExpired, relayHeaders, storeError } from './serve_download.ts';
import type { Stored } from './stored.ts';
import type { Upstream } from './upstream.ts';

/** An artifact that the job has asked for, behind a local URL. */
interface Download {
  readonly handle: string;
  readonly signature: string;
  /** What the api is asked again when its signed URL has expired. */
  readonly path: string;
  artifact: ArtifactDownloadAnswer;
  readonly jobToken: string | undefined;
  /** When the api gave its URLs, in ms of a clock that never steps back. */
  askedAt: number;
  /** Where its parts are, once it was asked for, if the store has them apart. */
  parted: PartedEntry | undefined;
}

/** The signed URL of a list of parts is asked for anew after so long, in ms: it is good for five minutes. */
const URL_GOOD_FOR = 4 * 60_000;

/** The oldest give way. */
const MAX_KEPT = 2048;

/** The local download URLs of artifacts. */
export class ArtifactDownloads {
  readonly #kept = new Map<string, Download>();
  readonly #upstream: Upstream;

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  keep(artifact: ArtifactDownloadAnswer, path: string, jobToken: string | undefined): Download {
    const oldest = this.#kept.size >= MAX_KEPT ? this.#kept.keys().next().value : undefined;
    if (oldest !== undefined) this.#kept.delete(oldest);
    const download: Download = {
      ...{ handle: secret(), signature: secret(), path, artifact, jobToken },
      ...{ askedAt: performance.now(), parted: undefined },
    };
    this.#kept.set(download.handle, download);
    return download;
  }

  readonly handler: Handler = async (exchange) => {
    try {
      await this.#serve(exchange);
    } catch (error) {
      if (exchange.response.headersSent) throw error;
      sendBlobError(exchange, error instanceof BlobError ? error : asBlobError(asRefused(error)));
    }
  };

  async #serve(exchange: Exchange): Promise<void> {
    const { request, response } = exchange;
    const download = this.#kept.get(exchange.path.slice(ARTIFACT_PREFIX.length));
    if (download === undefined || download.signature !== exchange.query.get('sig'))
      throw new BlobError(403, 'AuthenticationFailed', 'the URL is not known or no longer good');
    if (request.method === 'HEAD') {
      const headers = { ...headersOf(download), 'content-length': download.artifact.sizeBytes };
      response.writeHead(200, blobHeaders(exchange, headers));
      response.end();
      return;
    }
    if (request.method !== 'GET')
      throw new BlobError(405, 'UnsupportedHttpVerb', 'only GET and HEAD are supported');
    let stored = await this.#fetch(exchange, download);
    if (isExpired(stored)) {
      stored.drop();
      await this.#renew(download);
      stored = await this.#fetch(exchange, download);
    }
    if (stored.status !== 200 && stored.status !== 206) {
      stored.drop();
      throw storeError(stored.status);
    }
    if (response.destroyed) return stored.drop();
    const headers = { ...headersOf(download), ...relayHeaders(stored) };
    response.writeHead(stored.status, blobHeaders(exchange, headers));
    await stored.relay(response);
  }

  #fetch({ request }: Exchange, download: Download): Promise<Stored> {
    const { artifact } = download;
    const range = request.headers['x-ms-range']?.toString() ?? request.headers.range;
    if (artifact.partsUrl === undefined)
      return this.#upstream.fetch(artifact.url, range === undefined ? {} : { range });
    download.parted ??= this.#parted(download);
    return fetchEntry(this.#upstream, download.parted, range);
  }

  #parted(download: Download): PartedEntry {
    const now = () => performance.now();
    // A download may outlast the signed URL of the list.
    const url = async () => {
      if (now() - download.askedAt > URL_GOOD_FOR) await this.#renew(download);
      return download.artifact.partsUrl ?? '';
    };
    const parts = new PartList(this.#upstream, url, now);
    // Nobody looks after the bytes of artifacts but their client, by the digest.
    return { sizeBytes: download.artifact.sizeBytes, parts, doubt: () => {} };
  }

  /** A fresh signed URL for the very same artifact; refused when it is gone, whatever else has its name. */
  async #renew(download: Download): Promise<void> {
    const { path, artifact, jobToken } = download;
    const call = { method: 'GET', path, idempotent: true, jobToken } as const;
    const found = await this.#upstream.json<ArtifactDownloadAnswer>(call);
    if (found.id !== artifact.id) {
      this.#kept.delete(download.handle);
      throw new Refused('not-found', 404, 'the artifact is gone');
    }
    download.artifact = found;
    download.askedAt = performance.now();
  }
}

const ZIP = /^application\/(zip|x-zip-compressed|zip-compressed)$/i;

/** The stock client unpacks by the media type, and names any other file by the content's disposition (RFC 6266). */
function headersOf({ artifact, handle }: Download): OutgoingHttpHeaders {
  const { name, mimeType, createdAt } = artifact;
  const file = ZIP.test(mimeType) && !name.endsWith('.zip') ? `${name}.zip` : name;
  return {
    'content-type': mimeType,
    'content-disposition': `attachment; filename*=UTF-8''${encodeExtended(file)}`,
    'accept-ranges': 'bytes',
    etag: `"0x${handle.slice(0, 16).toUpperCase()}"`,
    'last-modified': new Date(createdAt).toUTCString(),
    'x-ms-blob-type': 'BlockBlob',
  };
}

/** As RFC 8187 has it: of what encodeURIComponent leaves, four are not allowed. */
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
