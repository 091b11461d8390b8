import { setTimeout as sleep } from 'node:timers/promises';
import { partSizes } from '../saved_bytes.ts';

const SERVICE = '/twirp/github.actions.results.api.v1.CacheService';
/** A request that hangs on a killed program ends as one that failed. */
const PATIENCE = 20_000;
/** Pause before a request that nobody took is sent again, in milliseconds. */
const AGAIN_AFTER = 100;

/**
 * Speaks the cache protocol as the stock clients do. Like them it sends again what nobody took (a refused connection, a
 * 503), and gives up at any other error, as a job's step does that then goes on without its cache. Throws what went
 * wrong.
 */
export class StockLikeClient {
  readonly #url: string;
  readonly #version: string;
  /** Requests sent so far. */
  requests = 0;

  constructor(sidecarUrl: string, version: string) {
    this.#url = sidecarUrl;
    this.#version = version;
  }

  /** Saves in blocks, put at once and in any order; resolves when the entry counts. */
  async save(key: string, bytes: Buffer): Promise<void> {
    const { ok, signed_upload_url: url } = await this.#call('CreateCacheEntry', { key });
    if (ok !== true) throw new Error('not reserved');
    const blocks = cut(bytes, partSizes(key));
    await Promise.all(
      blocks.map((block, position) =>
        this.#put(`${url}&comp=block&blockid=${encodeURIComponent(idOf(position))}`, block),
      ),
    );
    const list = blocks.map((_, position) => `<Latest>${idOf(position)}</Latest>`).join('');
    await this.#put(`${url}&comp=blocklist`, Buffer.from(`<BlockList>${list}</BlockList>`));
    const done = await this.#call('FinalizeCacheEntryUpload', { key, size_bytes: String(bytes.length) });
    if (done.ok !== true) throw new Error('not finalized');
  }

  /** The entry's bytes; undefined on a miss. A body that ends early is an error, as it is for the stock clients. */
  async restore(key: string): Promise<Buffer | undefined> {
    const found = await this.#call('GetCacheEntryDownloadURL', { key, restore_keys: [] });
    if (found.ok !== true) return undefined;
    if (found.matched_key !== key) return undefined;
    const answer = await this.#send(String(found.signed_download_url), {});
    if (answer.status !== 200) throw new Error(`the download answered ${answer.status}`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (bytes.length !== Number(answer.headers.get('content-length'))) throw new Error('the body was short');
    return bytes;
  }

  async #put(url: string, body: Buffer): Promise<void> {
    const answer = await this.#send(url, { method: 'PUT', body });
    const text = await answer.text();
    if (answer.status !== 201) throw new Error(`a PUT answered ${answer.status}: ${text}`);
  }

  async #call(method: string, body: Record<string, unknown>): Promise<Record<string, unknown>> {
    const answer = await this.#send(`${this.#url}${SERVICE}/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer of-the-job' },
      body: JSON.stringify({ ...body, version: this.#version }),
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${method} answered ${answer.status}: ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  }

  async #send(url: string, request: RequestInit): Promise<Response> {
    for (const end = Date.now() + PATIENCE; ; await sleep(AGAIN_AFTER)) {
      this.requests++;
      try {
        const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(PATIENCE) });
        if (answer.status !== 503 || Date.now() > end) return answer;
        await answer.arrayBuffer();
      } catch (error) {
        if (!wasRefused(error) || Date.now() > end) throw error;
      }
    }
  }
}

function wasRefused(error: unknown): boolean {
  return error instanceof Error && (error.cause as { code?: string } | undefined)?.code === 'ECONNREFUSED';
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  let offset = 0;
  return sizes.map((size) => {
    const block = bytes.subarray(offset, offset + size);
    offset += size;
    return block;
  });
}

function idOf(position: number): string {
  return Buffer.from(`block-${position}`).toString('base64');
}
