import type { Entry, Probe } from '../model.ts';

/** Answers kept at most, some hundred bytes each; with one more all are forgotten. */
const MOST = 2000;

/**
 * What look-ups found, for those who ask the same before anything is written: the jobs of a matrix do. Good only
 * beside an index that nobody else writes to, and that says `forget` at each of its writes.
 */
export class Finds {
  readonly #answers = new Map<string, Entry | undefined>();

  remember(
    tenant: string,
    version: string,
    probes: readonly Probe[],
    look: () => Entry | undefined,
  ): Entry | undefined {
    // JSON keeps the fields apart: no two questions have the same text.
    const question = JSON.stringify([tenant, version, probes]);
    const known = this.#answers.get(question);
    if (known !== undefined || this.#answers.has(question)) return known;
    const answer = look();
    if (this.#answers.size >= MOST) this.#answers.clear();
    this.#answers.set(question, answer);
    return answer;
  }

  forget(): void {
    this.#answers.clear();
  }
}
