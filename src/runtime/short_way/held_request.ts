import { IncomingMessage } from 'node:http';

/**
 * A request whose body can be kept back until it is whole, and then be let go as if nothing had happened: whoever reads
 * it afterwards sees the same stream. A body of some hundred bytes comes with its headers, in one piece; a stream's
 * events around that piece cost more than all else that a short answer takes.
 */
export class HeldRequest extends IncomingMessage {
  #held: Buffer[] | undefined;
  #whole: ((body: Buffer) => void) | undefined;

  /** Before the body comes: `whole` gets all of it, and then either `letGo` or `discard` is to be called, once. */
  hold(whole: (body: Buffer) => void): void {
    this.#held = [];
    this.#whole = whole;
  }

  /** What Node's parser calls with each piece, and with null at the end. */
  override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
    if (this.#held === undefined) return super.push(chunk, encoding);
    if (chunk !== null) {
      this.#held.push(chunk);
      return true;
    }
    const [first, ...more] = this.#held;
    const body = first === undefined || more.length > 0 ? Buffer.concat(this.#held) : first;
    this.#whole?.(body);
    return false;
  }

  /** The body goes on to whoever reads it. */
  letGo(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const chunk of held) super.push(chunk);
    super.push(null);
  }

  /** Nobody needs the body any more. */
  discard(): void {
    this.#held = undefined;
    super.push(null);
  }
}
