import { CHANGE_OPTIONS, changeTokens } from '../change_tokens.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'make a one-time token reusable',
  operands: 'NAME...',
  details: `Runners that have joined by it are not touched.`,
  options: CHANGE_OPTIONS,
  run: (given, io) =>
    changeTokens(given, io, {
      spec: { usage: 'Reusable' },
      done: 'pinned',
    }),
};
