import type { Command, Io } from './command.ts';
import { parse } from './command.ts';
import { explain, UsageError } from './failure.ts';
import { helpOf, overview, type Program, usageOf } from './help.ts';

/** Commands in the order in which the help text lists them. Each is loaded when it is asked for. */
export interface Commands extends Program {
  commands: Record<string, () => Promise<{ command: Command }>>;
}

/** Carries out one command of a program; answers the exit code: 0 done, 1 failed, 2 not understood. */
export async function runProgram(program: Commands, args: readonly string[], io: Io): Promise<0 | 1 | 2> {
  const [name = '', ...rest] = args;
  const { commands } = program;
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) return await withoutCommand(program, name, io);
  const { command } = await load();
  try {
    const given = parse(command, rest);
    if (given.flag('help')) io.out(helpOf(program, name, command));
    else await command.run(given, io);
    return 0;
  } catch (error) {
    io.note(`${program.name} ${name}: ${explain(error)}\n`);
    if (!(error instanceof UsageError)) return 1;
    io.note(`Usage: ${usageOf(program, name, command)}\n${program.name} ${name} --help tells more.\n`);
    return 2;
  }
}

/** The word itself is not repeated: it may be a token that was to be inspected. */
async function withoutCommand(program: Commands, name: string, io: Io): Promise<0 | 2> {
  const commands = await allCommands(program);
  if (name === '--help' || name === '-h' || name === 'help') {
    io.out(overview(program, commands));
    return 0;
  }
  io.note(
    `${program.name}: ${name === '' ? 'no command given' : 'no such command'}\n\n${overview(program, commands)}`,
  );
  return 2;
}

export async function allCommands({ commands }: Commands): Promise<Record<string, Command>> {
  const loaded: Record<string, Command> = {};
  for (const [name, load] of Object.entries(commands)) loaded[name] = (await load()).command;
  return loaded;
}
