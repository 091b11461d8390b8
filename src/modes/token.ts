import { TOKEN_PROGRAM } from '../cli/token_program.ts';
import { commandLine } from './command_line.ts';

/** `harrier token`: the command line of those who look after tokens. */
export async function run(_env: NodeJS.ProcessEnv, args: readonly string[]): Promise<void> {
  await commandLine(TOKEN_PROGRAM, args);
}
