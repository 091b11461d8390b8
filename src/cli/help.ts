import { type Command, HELP, type Option } from './command.ts';

const PROGRAM = 'harrier token';

export function usageOf(name: string, command: Command): string {
  return [PROGRAM, name, '[options]', command.operands].filter((word) => word !== '').join(' ');
}

export function helpOf(name: string, command: Command): string {
  const options = optionsOf(command).map(
    ([long, option]) =>
      [`${option.short === undefined ? '    ' : ''}${writtenOption(long, option)}`, option.help] as const,
  );
  const parts = [
    sentence(command.summary),
    `Usage: ${usageOf(name, command)}`,
    command.details,
    `Options:\n${aligned(options)}`,
    `Example: ${command.example}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

export function overview(commands: Record<string, Command>): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => [name, summary] as const);
  return [
    'Looks after the tokens by which runners join.',
    `Usage: ${PROGRAM} COMMAND [options]`,
    `Commands:\n${aligned(lines)}`,
    `${PROGRAM} COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 not understood.\n`,
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
