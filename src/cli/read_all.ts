import type { Io } from './command.ts';
import { Failed } from './failure.ts';

/** Standard input to its end, as text; throws when it is longer than what is asked for can be. */
export async function readAll({ stdin, note }: Io, mostBytes: number): Promise<string> {
  if (stdin.isTTY === true) note('Paste the token, then Enter and Ctrl-D:\n');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > mostBytes) throw new Failed(`standard input is longer than ${mostBytes} bytes: no token is`);
    chunks.push(buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
