import type { AgentDrain } from '../protocol/agent.ts';

/** Whether the runner is wanted gone, as the api last said, for whoever in the pod asks or waits. */
export class Drain {
  #current: AgentDrain | undefined;
  #change = Promise.withResolvers<void>();

  get current(): AgentDrain | undefined {
    return this.#current;
  }

  set(drain: AgentDrain | undefined): void {
    if (drain?.since === this.#current?.since && drain?.deadline === this.#current?.deadline) return;
    this.#current = drain;
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  /** Resolves with the next change, or after so many ms. */
  async changed(timeout: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, timeout).unref();
    await Promise.race([this.#change.promise, late.promise]);
    clearTimeout(timer);
  }
}
