// Gives the runner of this pod a job, shows what it prints, and ends as it does: take.mjs save|restore KEY [MIB]
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { jobSocket } from './job_socket.mjs';

const [job, ...args] = process.argv.slice(2);
// Half open: our side closes when this process has ended, which the runner waits for, as its own end takes us along.
const runner = connect({ path: jobSocket, allowHalfOpen: true });
runner.on('error', (error) => {
  console.error(`the runner does not answer: ${error.message}`);
  process.exitCode = 1;
});
runner.write(`${JSON.stringify({ job, args })}\n`);

process.exitCode = 1;
for await (const line of createInterface({ input: runner })) {
  const { output, exitCode } = JSON.parse(line);
  if (output !== undefined) process.stdout.write(output);
  if (exitCode !== undefined) process.exitCode = exitCode;
}
runner.unref();
