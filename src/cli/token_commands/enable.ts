import { CHANGE_OPTIONS, changeTokens } from '../change_tokens.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'let runners join by a token again',
  operands: 'NAME...',
  details: `Whoever was revoked when the token was disabled stays revoked and has to join anew.`,
  example: 'harrier token enable macs',
  options: CHANGE_OPTIONS,
  run: (given, io) =>
    changeTokens(given, io, {
      spec: () => ({ active: true }),
      done: 'enabled',
    }),
};
