import type { Commands } from './run_program.ts';

/** `harrier token`; not all of its commands need a cluster. */
export const TOKEN_PROGRAM: Commands = {
  name: 'harrier token',
  summary: 'Looks after the tokens by which runners join.',
  commands: {
    create: () => import('./token_commands/create.ts'),
    list: () => import('./token_commands/list.ts'),
    describe: () => import('./token_commands/describe.ts'),
    disable: () => import('./token_commands/disable.ts'),
    enable: () => import('./token_commands/enable.ts'),
    pin: () => import('./token_commands/pin.ts'),
    unpin: () => import('./token_commands/unpin.ts'),
    revoke: () => import('./token_commands/revoke.ts'),
    inspect: () => import('./token_commands/inspect.ts'),
  },
};
