import { type Command, oneOf } from '../command.ts';
import { Failed, UsageError } from '../failure.ts';
import { inspectToken } from '../inspect_token.ts';
import { readAll } from '../read_all.ts';

/** More than any token has: what is longer is some other file. */
const MOST_BYTES = 64 * 1024;

export const command: Command = {
  summary: 'tell what a token says, without a cluster',
  operands: '[TOKEN | -]',
  details: `Prints the format, prefix, routing, claims and validity of a registration token or a JWT as JSON, and nothing
of what is secret in it. Nothing is verified but the checksum: whether the token is good, only the api knows.
Without TOKEN it is read from standard input, where other users of the machine do not see it.
A malformed token has a "reason", and the exit code is 1.`,
  example: 'harrier token create --pool linux --one-time --show | harrier token inspect',
  options: { output: { type: 'string', short: 'o', value: 'json', help: 'the one format there is' } },
  secret: true,
  async run(given, io) {
    oneOf(given, 'output', ['json']);
    const [operand = '-', ...more] = given.operands;
    if (more.length > 0) throw new UsageError('one token at a time');
    const token = operand === '-' ? (await readAll(io, MOST_BYTES)).trim() : operand;
    if (token === '') throw new UsageError('there is no token');
    const inspection = inspectToken(token, io.now());
    io.out(`${JSON.stringify(inspection, undefined, 2)}\n`);
    if ('reason' in inspection) throw new Failed(inspection.message);
  },
};
