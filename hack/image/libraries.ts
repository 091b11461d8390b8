import { existsSync } from 'node:fs';
import { run } from '../run/command.ts';

/**
 * The shared libraries and the loader of a program, as absolute paths under which it looks for them.
 * A static program has none.
 */
export async function librariesOf(program: string): Promise<string[]> {
  // ldd ends with an error for a static program, and says so on either stream.
  const answer = await run('ldd', [program]).catch((error: Error) => error.message);
  return parseLibraries(answer);
}

/** Reads ldd's lines: `libc.so.6 => /lib/x/libc.so.6 (0x…)` and the loader's `/lib64/ld-linux-x86-64.so.2 (0x…)`. */
export function parseLibraries(answer: string): string[] {
  const missing = [...answer.matchAll(/^\s*(\S+) => not found/gm)].map(([, name]) => name);
  if (missing.length > 0) throw new Error(`shared libraries are missing: ${missing.join(', ')}`);
  const paths = [...answer.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)/gm)].map(
    ([, path]) => path ?? '',
  );
  return [...new Set(paths)].sort();
}

/** The first of the paths that is there; an Error naming `what` when none is. */
export function firstThere(what: string, paths: readonly string[]): string {
  const found = paths.find(existsSync);
  if (found === undefined) throw new Error(`${what} is not on this machine: looked at ${paths.join(', ')}`);
  return found;
}
