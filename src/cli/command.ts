import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './failure.ts';

export interface Option {
  type: 'string' | 'boolean';
  short?: string;
  /** What the value is, in the help text, such as NAME. */
  value?: string;
  help: string;
}

/** What a command reads, and where it writes to. */
export interface Io {
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  /** What was asked for; each text with its own line ends. */
  out(text: string): void;
  /** What is told beside it. */
  note(text: string): void;
  now(): Date;
  env: Readonly<Record<string, string | undefined>>;
  /** Aborts when the person has had enough of it (SIGINT). */
  signal: AbortSignal;
}

export interface Command {
  /** One line for the list of commands. */
  summary: string;
  /** What stands behind the options, such as `NAME...`; empty for nothing. */
  operands: string;
  /** Further paragraphs of the help text. */
  details: string;
  /** One line for a shell; the reference page has it, and a test runs it. */
  example: string;
  options: Record<string, Option>;
  /** Whether the command line may hold a secret: then no error quotes anything of it. */
  secret?: boolean;
  run(given: Given, io: Io): Promise<void>;
}

/** A command line, taken apart. */
export interface Given {
  operands: readonly string[];
  text(option: string): string | undefined;
  flag(option: string): boolean;
}

export const HELP: Option = { type: 'boolean', short: 'h', help: 'this text' };

/** Takes a command line apart; throws UsageError on an option that is not the command's. */
export function parse(command: Command, args: readonly string[]): Given {
  const options: ParseArgsConfig['options'] = {};
  for (const [name, { type, short }] of Object.entries({ ...command.options, help: HELP }))
    options[name] = short === undefined ? { type } : { type, short };
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return {
      operands: positionals,
      text: (option) => {
        const value = values[option];
        return typeof value === 'string' ? value : undefined;
      },
      flag: (option) => values[option] === true,
    };
  } catch (error) {
    if (command.secret === true || !(error instanceof Error))
      throw new UsageError('there is an option that the command does not have');
    throw new UsageError(error.message.split('. ')[0] ?? '');
  }
}

/** The one of the words that an option gives; throws UsageError on another. */
export function oneOf<W extends string>(given: Given, option: string, words: readonly W[]): W | undefined {
  const text = given.text(option);
  if (text === undefined) return undefined;
  const word = words.find((one) => one === text);
  if (word === undefined) throw new UsageError(`--${option} is one of ${words.join(', ')}`);
  return word;
}
