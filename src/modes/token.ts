import { runToken } from '../cli/run_token.ts';

/** `harrier token`: the command line of those who look after tokens. */
export async function run(_env: NodeJS.ProcessEnv, args: readonly string[]): Promise<void> {
  const stopping = new AbortController();
  process.once('SIGINT', () => stopping.abort());
  // `harrier token list | head` closes the pipe: nobody reads what comes next, and that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  process.exitCode = await runToken(args, {
    stdin: process.stdin,
    out: (text) => process.stdout.write(text),
    note: (text) => process.stderr.write(text),
    now: () => new Date(),
    signal: stopping.signal,
  });
}
