import { ForgeError } from '../forge_error.ts';
import { jitFiles } from './answers.ts';

/**
 * The files in a just-in-time configuration, for the join folder: names without the dot that they get again in the
 * runner's own folder (launch.ts). So they never stand in an argument or an environment, which a job could read.
 */
export function readJitConfig(encoded: string): Record<string, string> {
  const read = jitFiles.safeParse(parse(decode(encoded)));
  if (!read.success || Object.keys(read.data).length === 0)
    throw new ForgeError(
      'Unreadable',
      'cannot make the record of a runner: GitHub answered a configuration of an unknown form; look for a newer Harrier',
    );
  return Object.fromEntries(Object.entries(read.data).map(([name, text]) => [name.slice(1), decode(text)]));
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
