import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the runner takes a job: one line of JSON, {job, args}. It answers lines of {output} and last {exitCode}. */
export const jobSocket = join(process.env.RUNNER_TEMP ?? tmpdir(), 'runner.sock');

/** The jobs there are: each is the program of that name beside this file. */
export const JOBS = ['save', 'restore'];
