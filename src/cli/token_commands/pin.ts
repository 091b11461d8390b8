import { CHANGE_OPTIONS, changeTokens } from '../change_tokens.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'make a one-time token reusable',
  operands: 'NAME...',
  details: `Runners that have joined are not touched, and no other token is deactivated by it.`,
  example: 'harrier token pin macs',
  options: CHANGE_OPTIONS,
  run: (given, io) =>
    changeTokens(given, io, {
      // Reusable tokens take the place of older ones unless they say otherwise: to pin one is no wish for that.
      spec: ({ spec }) => ({ usage: 'Reusable', supersedes: spec.supersedes ?? false }),
      done: 'pinned',
    }),
};
