import { CHANGE_OPTIONS, changeTokens } from '../change_tokens.ts';
import type { Command } from '../command.ts';
import { descendantsOf, runners } from '../descendants.ts';

export const command: Command = {
  summary: 'let nobody join by a token any more, and revoke whoever has',
  operands: 'NAME...',
  details: `Every runner that descends from the token is refused at once; pods are drained or deleted as the token's
spec.onRevoke says.`,
  example: 'harrier token disable macs',
  options: CHANGE_OPTIONS,
  run: (given, io) =>
    changeTokens(given, io, {
      spec: () => ({ active: false }),
      done: 'disabled',
      more: async (token, cluster) => `: ${runners((await descendantsOf(token, cluster)).length)} revoked`,
    }),
};
