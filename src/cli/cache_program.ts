import type { Commands } from './run_program.ts';

/** `harrier cache`; all of its commands talk to the api. */
export const CACHE_PROGRAM: Commands = {
  name: 'harrier cache',
  summary: 'Looks after what runners have saved in the cache.',
  commands: {
    ls: () => import('./cache_commands/ls.ts'),
    rm: () => import('./cache_commands/rm.ts'),
    usage: () => import('./cache_commands/usage.ts'),
    verify: () => import('./cache_commands/verify.ts'),
  },
};
