import type { Logger } from 'pino';
import { followFile } from '../files/follow_file.ts';
import { type CellsFile, CellsFileRefused, parseCellsFile } from './cells_file.ts';

export interface FollowCellsOptions {
  path: string;
  log: Logger;
  /** Each good version of the file. */
  onCells: (file: CellsFile) => void;
  /** A version that can't be used, or a file that isn't there. */
  onRefused: () => void;
  everyMs?: number;
}

/** Keeps up with the cells file. What is wrong with a new version is logged, and the cells stay as they were. */
export async function followCells(options: FollowCellsOptions): Promise<{ stop(): void }> {
  const { path, log, onCells, onRefused, everyMs } = options;
  return await followFile<CellsFile | CellsFileRefused>({
    path,
    log,
    ...(everyMs === undefined ? {} : { everyMs }),
    parse: (text) => {
      try {
        return parseCellsFile(text);
      } catch (error) {
        if (error instanceof CellsFileRefused) return error;
        throw error;
      }
    },
    onChange(content) {
      if (content === undefined) {
        onRefused();
      } else if (content instanceof CellsFileRefused) {
        log.error(
          { path, reason: content.message },
          'the cells file cannot be used; the cells stay as they were',
        );
        onRefused();
      } else {
        log.info({ path, cells: Object.keys(content.cells), default: content.default }, 'cells');
        onCells(content);
      }
    },
  });
}
