import { CHANGE_OPTIONS, changeTokens } from '../change_tokens.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'make a reusable token good for one registration ever',
  operands: 'NAME...',
  details: `A token that was used before is used up by that; runners that have joined by it are not touched.`,
  example: 'harrier token unpin macs',
  options: CHANGE_OPTIONS,
  run: (given, io) =>
    changeTokens(given, io, {
      spec: () => ({ usage: 'OneTime' }),
      done: 'unpinned',
    }),
};
