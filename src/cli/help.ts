import { type Command, HELP, type Option } from './command.ts';

/** A group of commands, such as `harrier token`. */
export interface Program {
  /** As a person types it. */
  name: string;
  /** One sentence. */
  summary: string;
}

export function usageOf(program: Program, name: string, command: Command): string {
  return [program.name, name, '[options]', command.operands].filter((word) => word !== '').join(' ');
}

export function helpOf(program: Program, name: string, command: Command): string {
  const options = optionsOf(command).map(
    ([long, option]) =>
      [`${option.short === undefined ? '    ' : ''}${writtenOption(long, option)}`, option.help] as const,
  );
  const parts = [
    sentence(command.summary),
    `Usage: ${usageOf(program, name, command)}`,
    command.details,
    `Options:\n${aligned(options)}`,
    `Example: ${command.example}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

export function overview(program: Program, commands: Record<string, Command>): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => [name, summary] as const);
  return [
    program.summary,
    `Usage: ${program.name} COMMAND [options]`,
    `Commands:\n${aligned(lines)}`,
    `${program.name} COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 not understood.\n`,
  ].join('\n\n');
}

/** As a person types it: `-n, --namespace NAME`. */
export function writtenOption(long: string, { short, value }: Option): string {
  return `${short === undefined ? '' : `-${short}, `}--${long}${value === undefined ? '' : ` ${value}`}`;
}

export function optionsOf(command: Command): [string, Option][] {
  return Object.entries({ ...command.options, help: HELP });
}

function aligned(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([left]) => left.length));
  return lines.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}

export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
