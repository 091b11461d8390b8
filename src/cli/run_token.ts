import type { Command, Io } from './command.ts';
import { parse } from './command.ts';
import { explain, UsageError } from './failure.ts';
import { helpOf, overview, usageOf } from './help.ts';

/** In the order in which the help text lists them. Each is loaded when it is asked for: not all need a cluster. */
const COMMANDS: Record<string, () => Promise<{ command: Command }>> = {
  create: () => import('./commands/create.ts'),
  list: () => import('./commands/list.ts'),
  describe: () => import('./commands/describe.ts'),
  disable: () => import('./commands/disable.ts'),
  enable: () => import('./commands/enable.ts'),
  pin: () => import('./commands/pin.ts'),
  unpin: () => import('./commands/unpin.ts'),
  revoke: () => import('./commands/revoke.ts'),
  inspect: () => import('./commands/inspect.ts'),
};

/** Carries out `harrier token <args>`; answers the exit code: 0 done, 1 failed, 2 not understood. */
export async function runToken(args: readonly string[], io: Io): Promise<0 | 1 | 2> {
  const [name = '', ...rest] = args;
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) return await withoutCommand(name, io);
  const { command } = await load();
  try {
    const given = parse(command, rest);
    if (given.flag('help')) io.out(helpOf(name, command));
    else await command.run(given, io);
    return 0;
  } catch (error) {
    io.note(`harrier token ${name}: ${explain(error)}\n`);
    if (!(error instanceof UsageError)) return 1;
    io.note(`Usage: ${usageOf(name, command)}\nharrier token ${name} --help tells more.\n`);
    return 2;
  }
}

/** The word itself is not repeated: it may be a token that was to be inspected. */
async function withoutCommand(name: string, io: Io): Promise<0 | 2> {
  const commands = await allCommands();
  if (name === '--help' || name === '-h' || name === 'help') {
    io.out(overview(commands));
    return 0;
  }
  io.note(`harrier token: ${name === '' ? 'no command given' : 'no such command'}\n\n${overview(commands)}`);
  return 2;
}

export async function allCommands(): Promise<Record<string, Command>> {
  const commands: Record<string, Command> = {};
  for (const [name, load] of Object.entries(COMMANDS)) commands[name] = (await load()).command;
  return commands;
}
