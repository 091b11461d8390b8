import { CACHE_PROGRAM } from '../cli/cache_program.ts';
import { commandLine } from './command_line.ts';

/** `harrier cache`: the command line of those who look after the cache. */
export async function run(_env: NodeJS.ProcessEnv, args: readonly string[]): Promise<void> {
  await commandLine(CACHE_PROGRAM, args);
}
