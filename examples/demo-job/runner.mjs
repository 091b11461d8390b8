// A runner for forge type `none`: it waits for one job, runs it, says so to Harrier, and ends with its pod.
//
//   kubectl exec POD -c runner -- node /job/take.mjs save my-key 64
//
// hands it a job, shows what the job prints, and ends as the job does.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { JOBS, jobSocket } from './job_socket.mjs';

/** How long the runner stays for its answer to be read, should the one who gave the job not hang up. */
const LAST_WORDS_MS = 10_000;

/** And how long after that: the end of process 1 kills take.mjs too, which may have its own exit code still to tell. */
const LEAVE_MS = 500;

let taken = false;
let running;

rmSync(jobSocket, { force: true });
const server = createServer((asker) => {
  asker.on('error', () => {});
  createInterface({ input: asker }).once('line', (line) => {
    take(line, asker).catch((error) => {
      asker.end(`${JSON.stringify({ output: `${error.message}\n`, exitCode: 1 })}\n`);
    });
  });
});
server.listen(jobSocket, () => console.log('waiting for a job'));

// Node as process 1 of a container ignores signals that nobody listens to.
process.on('SIGTERM', () => {
  running?.kill('SIGTERM');
  process.exit(taken ? 143 : 0);
});

async function take(line, asker) {
  const { job, args = [] } = JSON.parse(line);
  if (!JOBS.includes(job)) throw new Error(`no such job: ${job}; there are ${JOBS.join(', ')}`);
  if (taken) throw new Error('this runner has a job already');
  taken = true;
  try {
    await report('Busy', `runs ${job}`);
  } catch (error) {
    taken = false;
    throw error;
  }
  console.log(`job: ${job} ${args.join(' ')}`);
  const exitCode = await run(job, args, (output) => asker.write(`${JSON.stringify({ output })}\n`));
  console.log(`job ended with ${exitCode}`);
  await report('Terminated', `${job} ended with ${exitCode}`).catch((error) => console.error(error.message));
  await hangUp(asker, { exitCode });
  await sleep(LEAVE_MS);
  process.exit(exitCode);
}

function run(job, args, onOutput) {
  return new Promise((resolve, reject) => {
    running = spawn(process.execPath, [new URL(`${job}.mjs`, import.meta.url).pathname, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // @actions/cache packs its archive there, and has a default that only GitHub's own machines have.
      env: { RUNNER_TEMP: tmpdir(), ...process.env },
    });
    for (const stream of [running.stdout, running.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        process.stdout.write(text);
        onOutput(text);
      });
    }
    running.once('error', reject);
    running.once('close', (code) => resolve(code ?? 1));
  });
}

/** The job's last line must reach its reader before the pod ends. */
function hangUp(asker, message) {
  return new Promise((resolve) => {
    asker.once('close', resolve);
    setTimeout(resolve, LAST_WORDS_MS);
    asker.end(`${JSON.stringify(message)}\n`);
  });
}

/** Says to Harrier what this runner does, through the sidecar: HARRIER_URL is set in every runner container. */
async function report(state, message) {
  const url = new URL('v1/runner/status', process.env.HARRIER_URL);
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ state, message }),
  });
  if (!answer.ok) throw new Error(`Harrier refused ${state}: ${answer.status} ${await answer.text()}`);
}
