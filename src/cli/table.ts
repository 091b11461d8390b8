/** Between columns, as kubectl has it. */
const GAP = '   ';

export interface Column<T> {
  title: string;
  cell(of: T): string;
}

/** Rows under their titles. Widths are kept, so that rows which come later stand under those that were there. */
export interface Table<T> {
  head(rows: readonly T[]): string;
  row(of: T): string;
}

export function createTable<T>(columns: readonly Column<T>[]): Table<T> {
  const widths = columns.map(({ title }) => title.length);
  const line = (cells: readonly string[]) =>
    `${cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join(GAP)
      .trimEnd()}\n`;
  return {
    head(rows) {
      for (const one of rows)
        for (const [index, { cell }] of columns.entries())
          widths[index] = Math.max(widths[index] ?? 0, printable(cell(one)).length);
      return line(columns.map(({ title }) => title));
    },
    row: (of) => line(columns.map(({ cell }) => printable(cell(of)))),
  };
}

/** One line, without what a terminal would obey: names and descriptions are others' words. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').trim();
}
