/** Uploads whose sums are kept; the one that was least recently offered to goes. */
const MOST_KEPT = 20_000;

/**
 * How many bytes were offered to each open upload, so that one which grows too large is refused long before its
 * commit without counting its parts each time. In memory: another replica's offers are not in it, and the commit has
 * the last word. Times are milliseconds since the epoch.
 */
export class OfferedBytes {
  readonly #sums = new Map<string, { bytes: number; at: number }>();
  #total = 0;

  /** Of all uploads that are open here. */
  get total(): number {
    return this.#total;
  }

  of(uploadId: string): number {
    return this.#sums.get(uploadId)?.bytes ?? 0;
  }

  add(uploadId: string, bytes: number, at: number): void {
    const sum = this.of(uploadId) + bytes;
    // Out and in again: the first of the Map is the one that has waited longest.
    this.#sums.delete(uploadId);
    this.#sums.set(uploadId, { bytes: sum, at });
    this.#total += bytes;
    const [oldest] = this.#sums.keys();
    if (this.#sums.size > MOST_KEPT && oldest !== undefined) this.forget(oldest);
  }

  forget(uploadId: string): void {
    this.#total -= this.of(uploadId);
    this.#sums.delete(uploadId);
  }

  forgetBefore(time: number): void {
    for (const [uploadId, { at }] of this.#sums) {
      if (at >= time) return;
      this.forget(uploadId);
    }
  }
}
