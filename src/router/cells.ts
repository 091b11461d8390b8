import type { Logger } from 'pino';
import { Cell, type CellOptions } from './cell.ts';
import type { CellsFile } from './cells_file.ts';
import { startChecks } from './check_cell.ts';
import type { CellNames } from './route.ts';

export interface CellsOptions extends Pick<CellOptions, 'log' | 'now' | 'onFailure'> {
  log: Logger;
  /** From 0 to 1. */
  random: () => number;
}

interface Kept {
  cell: Cell;
  checks: { stop(): void };
}

/** The cells that requests may go to, as the last good file names them. */
export class Cells implements CellNames {
  readonly #options: CellsOptions;
  #kept = new Map<string, Kept>();
  #default: string | undefined;

  constructor(options: CellsOptions) {
    this.#options = options;
  }

  /** Takes over a new file. Cells that stay where they are keep their connections and what is known of them. */
  use(file: CellsFile): void {
    const next = new Map<string, Kept>();
    for (const [name, { url }] of Object.entries(file.cells)) {
      const kept = this.#kept.get(name);
      next.set(name, kept?.cell.url === url ? kept : this.#open(name, url));
    }
    const left = [...this.#kept.values()].filter(({ cell }) => next.get(cell.name)?.cell !== cell);
    this.#kept = next;
    this.#default = file.default;
    for (const one of left) shut(one);
  }

  /** False until the first good file. */
  get known(): boolean {
    return this.#kept.size > 0;
  }

  get default(): string | undefined {
    return this.#default;
  }

  has(name: string): boolean {
    return this.#kept.has(name);
  }

  get(name: string): Cell | undefined {
    return this.#kept.get(name)?.cell;
  }

  all(): Cell[] {
    return [...this.#kept.values()].map(({ cell }) => cell);
  }

  close(): void {
    for (const one of this.#kept.values()) shut(one);
    this.#kept.clear();
  }

  #open(name: string, url: string): Kept {
    const { random, ...own } = this.#options;
    const cell = new Cell({ ...own, name, url });
    return { cell, checks: startChecks(cell, random) };
  }
}

function shut({ cell, checks }: Kept): void {
  checks.stop();
  cell.close();
}
