import type { StoredPartsAnswer } from '../../protocol/cache.ts';
import { readBody } from '../read_body.ts';
import { refusedBy } from '../refused_by.ts';
import type { Upstream } from '../upstream.ts';

export type StoredPart = StoredPartsAnswer['parts'][number];

/** A page of the list has some 130 kB. */
const ANSWER_LIMIT = 2 * 1024 * 1024;
/** The URLs are good for 15 minutes from the answer on; a part that is begun in time may take longer. */
const GOOD_FOR = 12 * 60_000;

/**
 * Where the parts of one entry are, as the api says it; asked for once, and a page at a time as far as it is needed.
 * The ranges of one restore share it.
 */
export class PartList {
  readonly #upstream: Upstream;
  readonly #url: () => Promise<string>;
  readonly #now: () => number;
  #parts: StoredPart[] = [];
  #length = 0;
  #next: number | undefined = 0;
  #askedAt = 0;
  #asking: Promise<void> | undefined;

  /**
   * @param url The list's signed URL: the same one, until `expired` has been told of it.
   * @param now Milliseconds of a clock that never steps back.
   */
  constructor(upstream: Upstream, url: () => Promise<string>, now: () => number) {
    this.#upstream = upstream;
    this.#url = url;
    this.#now = now;
  }

  /** All parts up to the one that has this byte; URLs that may have expired are asked for anew. */
  async upTo(byte: number): Promise<readonly StoredPart[]> {
    if (this.#now() - this.#askedAt > GOOD_FOR) this.forget();
    while (this.#next !== undefined && this.#length <= byte) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
    return this.#parts;
  }

  /** To be called when the store takes a URL for expired. */
  forget(): void {
    this.#parts = [];
    this.#length = 0;
    this.#next = 0;
    this.#askedAt = this.#now();
  }

  async #ask(): Promise<void> {
    const offset = this.#next ?? 0;
    const url = await this.#url();
    const answer = await read(this.#upstream, `${url}&offset=${offset}`);
    // Forgotten meanwhile: what came belongs to the list of before.
    if (offset !== this.#parts.length) return;
    this.#parts = [...this.#parts, ...answer.parts];
    this.#length += answer.parts.reduce((sum, part) => sum + part.sizeBytes, 0);
    this.#next = answer.parts.length === 0 ? undefined : answer.next;
  }
}

function read(upstream: Upstream, url: string): Promise<StoredPartsAnswer> {
  return new Promise((resolve, reject) => {
    const request = upstream.signed({ method: 'GET', url, headers: { accept: 'application/json' } });
    request.once('error', reject);
    request.once('response', (response) => {
      readBody(response, ANSWER_LIMIT).then((body) => {
        const status = response.statusCode ?? 502;
        if (status >= 300) return reject(refusedBy({ status, body, contentType: '', retryAfter: undefined }));
        resolve(JSON.parse(body.toString('utf8')) as StoredPartsAnswer);
      }, reject);
    });
    request.end();
  });
}
