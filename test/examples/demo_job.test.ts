import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const EXAMPLE = join(import.meta.dirname, '../../examples/demo-job');

/** What the runner's sidecar would say: takes states in their order, and has nothing in its cache. */
class Sidecar {
  readonly states: string[] = [];
  refuse = false;
  readonly server: Server = createServer(async (request, response) => {
    if (request.url === '/v1/runner/status') {
      const { state } = (await json(request)) as { state: string };
      if (!this.refuse) this.states.push(state);
      response.writeHead(this.refuse ? 409 : 200).end('{}');
    } else {
      request.resume();
      response.setHeader('content-type', 'application/json').end('{"ok":false}');
    }
  });
}

let sidecar: Sidecar;
let folder: string;
let env: NodeJS.ProcessEnv;
let runner: ChildProcess;

beforeEach(async () => {
  sidecar = new Sidecar();
  await once(sidecar.server.listen(0, '127.0.0.1'), 'listening');
  folder = mkdtempSync(join(tmpdir(), 'harrier-demo-'));
  const url = `http://127.0.0.1:${(sidecar.server.address() as AddressInfo).port}/`;
  env = {
    PATH: process.env.PATH,
    RUNNER_TEMP: folder,
    GITHUB_WORKSPACE: folder,
    HARRIER_URL: url,
    ACTIONS_RESULTS_URL: url,
    ACTIONS_CACHE_URL: url,
    ACTIONS_CACHE_SERVICE_V2: 'true',
    ACTIONS_RUNTIME_TOKEN: 'placeholder',
  };
  runner = spawn(process.execPath, [join(EXAMPLE, 'runner.mjs')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: runner.stdout as NodeJS.ReadableStream }), 'line');
  expect(line).toBe('waiting for a job');
});

afterEach(() => {
  runner.kill('SIGKILL');
  sidecar.server.closeAllConnections();
  sidecar.server.close();
  rmSync(folder, { recursive: true, force: true });
});

function take(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(EXAMPLE, 'take.mjs'), ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr });
    });
  });
}

const exit = async () => (runner.exitCode === null ? (await once(runner, 'exit'))[0] : runner.exitCode);

describe('the runner of the demo', () => {
  test('says Busy, runs the job, shows its output, says Terminated and ends as the job did', async () => {
    const { code, output } = await take('restore', 'no-such-key');
    expect(output.trim().split('\n').at(-1)).toMatch(
      /^\{"hit":false,"key":"no-such-key","seconds":[\d.]+\}$/,
    );
    expect(code).toBe(1);
    expect(await exit()).toBe(1);
    expect(sidecar.states).toEqual(['Busy', 'Terminated']);
  });

  test('does not run a job that Harrier refuses, and may be given another', async () => {
    sidecar.refuse = true;
    expect((await take('restore', 'key')).output).toContain('Harrier refused Busy: 409');
    sidecar.refuse = false;
    expect((await take('restore', 'key')).output).toContain('"hit":false');
    expect(sidecar.states).toEqual(['Busy', 'Terminated']);
  });

  test('knows its jobs and runs nothing else', async () => {
    const { code, output } = await take('../../../bin/sh');
    expect(code).toBe(1);
    expect(output).toContain('no such job: ../../../bin/sh; there are save, restore');
    expect(sidecar.states).toEqual([]);
  });

  test('ends well at once when it is told to while it waits', async () => {
    runner.kill('SIGTERM');
    expect(await exit()).toBe(0);
  });
});
