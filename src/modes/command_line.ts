import { type Commands, runProgram } from '../cli/run_program.ts';

/** Runs one command for the person at the terminal, and sets the exit code. */
export async function commandLine(program: Commands, args: readonly string[]): Promise<void> {
  const stopping = new AbortController();
  process.once('SIGINT', () => stopping.abort());
  // `harrier token list | head` closes the pipe: nobody reads what comes next, and that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  process.exitCode = await runProgram(program, args, {
    stdin: process.stdin,
    out: (text) => process.stdout.write(text),
    note: (text) => process.stderr.write(text),
    now: () => new Date(),
    env: process.env,
    signal: stopping.signal,
  });
}
