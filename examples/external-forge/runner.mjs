// The runner of this forge: it takes what it joins with, waits for its one job, runs it, and ends.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The end of the output is what is shown of a job. */
const MOST_OUTPUT = 64 * 1024;

const take = (name) => {
  const file = join(process.env.HARRIER_JOIN_DIR, name);
  const text = readFileSync(file, 'utf8').trim();
  // Before the job begins: it must find nothing of what its runner joined with.
  rmSync(file, { force: true });
  return text;
};
const [url, token] = [take('url'), take('token')];

// Node as process 1 of a container ignores signals that nobody listens to.
process.on('SIGTERM', () => process.exit(143));

async function ask(path, body) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** fetch waits 5 minutes for an answer; a runner waits for longer. A token that is refused ends it. */
async function nextJob() {
  for (;;) {
    try {
      return await ask('/runner/job', {});
    } catch (error) {
      if (/: (401|409|410) /.test(error.message)) {
        console.error(`no job is to be had: ${error.message}`);
        process.exit(1);
      }
      await sleep(1000);
    }
  }
}

/** Harrier's word for it, through the sidecar; the forge says so as well, a little later. */
async function report(state) {
  if (process.env.HARRIER_URL === undefined) return;
  const body = JSON.stringify({ state });
  const headers = { 'content-type': 'application/json' };
  await fetch(new URL('v1/runner/status', process.env.HARRIER_URL), { method: 'POST', headers, body }).catch(
    () => {},
  );
}

function run(script) {
  return new Promise((resolve) => {
    const job = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [job.stdout, job.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        process.stdout.write(text);
        output = (output + text).slice(-MOST_OUTPUT);
      });
    job.once('error', (error) => resolve({ exitCode: 127, output: error.message }));
    job.once('close', (code) => resolve({ exitCode: code ?? 1, output }));
  });
}

console.log(`waiting for a job of ${url}`);
const { id, script } = await nextJob();
await report('Busy');
console.log(`job ${id}`);
const result = await run(script);
await ask('/runner/result', result);
console.log(`job ${id} ended with ${result.exitCode}`);
await report('Terminated');
