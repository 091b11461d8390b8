import { randomFillSync } from 'node:crypto';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProgram } from '../hack/program.ts';
import { start } from '../hack/run/started.ts';
import type { Lab } from './lab.ts';
import { runnersOf } from './pool.ts';
import { workingToken } from './requests_per_second.ts';
import { residentMiB } from './resident.ts';
import { type Figure, median } from './statistics.ts';

const MIB = 512;
const ROUNDS = 5;
/** As much as all rounds leave in the page cache. */
const TOUCHED_MIB = 2 * MIB * (ROUNDS + 1);

/** A file that doesn't compress, so that what is stored and sent is as large as it is. */
async function randomFile(path: string): Promise<void> {
  const file = await open(path, 'w');
  const block = Buffer.alloc(1024 * 1024);
  for (let index = 0; index < MIB; index++) await file.write(randomFillSync(block));
  await file.close();
}

/**
 * A virtual machine's memory is slow at its first touch (here, a save into untouched pages took twice as long), and
 * files kept from the first rounds would leave such pages to the later ones.
 */
async function touchMemory(folder: string, note: (text: string) => void): Promise<void> {
  note('touching memory');
  const path = join(folder, 'touched');
  const file = await open(path, 'w');
  const block = Buffer.alloc(8 * 1024 * 1024, 1);
  for (let written = 0; written < TOUCHED_MIB; written += 8) await file.write(block);
  await file.close();
  await rm(path);
}

async function client(resultsUrl: string, verb: 'save' | 'restore', key: string, workspace: string) {
  const folder = 'data';
  await mkdir(join(workspace, 'temp'), { recursive: true });
  const script = join(import.meta.dirname, 'cache_client.ts');
  const env = {
    ACTIONS_CACHE_SERVICE_V2: 'true',
    ACTIONS_RESULTS_URL: resultsUrl,
    ACTIONS_RUNTIME_TOKEN: 'not-a-token',
    GITHUB_WORKSPACE: workspace,
    RUNNER_TEMP: join(workspace, 'temp'),
    GITHUB_SERVER_URL: 'https://github.com',
  };
  await using stock = start(process.execPath, [script, verb, key, folder], env, workspace);
  const [, text = ''] = await stock.line(/^RESULT (.*)$/);
  const result = JSON.parse(text) as { hit: boolean; seconds: number };
  if (!result.hit) throw new Error(`${verb} of ${key} at ${resultsUrl} did not hit:\n${stock.words()}`);
  return MIB / result.seconds;
}

/** MB/s of the unmodified client saving and restoring through sidecar and api, against a bare file server, in turn. */
export async function throughput(lab: Lab, note: (text: string) => void): Promise<Figure[]> {
  const workspace = join(lab.scratch, 'workspace');
  await mkdir(join(workspace, 'data'), { recursive: true });
  await randomFile(join(workspace, 'data', 'random'));

  const runners = await runnersOf(lab, 'throughput', 1);
  const tokenFile = join(lab.scratch, 'token');
  await writeFile(tokenFile, await workingToken(lab, runners.pods[0]?.metadata.name ?? ''), { mode: 0o600 });

  await using bare = start(process.execPath, [
    join(import.meta.dirname, 'bare_file_server.ts'),
    join(lab.scratch, 'bare'),
  ]);
  const [barePort = ''] = await bare.line(/^\d+$/);
  const sidecarPort = '18479';
  await using sidecar = startProgram('sidecar', {
    HARRIER_API_URL: lab.apis[0]?.url ?? '',
    HARRIER_TOKEN_FILE: tokenFile,
    HARRIER_PORT: sidecarPort,
  });
  await sidecar.line(/sidecar serves/);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const idle = await residentMiB(sidecar.pid);

  const urls = { bare: `http://127.0.0.1:${barePort}/`, harrier: `http://127.0.0.1:${sidecarPort}/` };
  const ratios: Record<'save' | 'restore', number[]> = { save: [], restore: [] };
  const rates: Record<'save' | 'restore', number[]> = { save: [], restore: [] };
  await touchMemory(workspace, note);
  // One save and restore of each that is not counted: a first write of a file costs what later ones do not.
  for (let round = 0; round <= ROUNDS; round++) {
    const key = `bench-${Date.now()}`;
    for (const verb of ['save', 'restore'] as const) {
      note(`${verb}, round ${round} of ${ROUNDS}`);
      const rate = { bare: 0, harrier: 0 };
      // In turn who is first, since whatever wears the machine down between the two must not always meet the same.
      const order = round % 2 === 0 ? (['bare', 'harrier'] as const) : (['harrier', 'bare'] as const);
      for (const server of order) rate[server] = await client(urls[server], verb, key, workspace);
      if (round === 0) continue;
      ratios[verb].push(rate.harrier / rate.bare);
      rates[verb].push(rate.harrier);
    }
  }
  const busy = await residentMiB(sidecar.pid);
  await runners.gone();
  await rm(workspace, { recursive: true });
  const figure = (verb: 'save' | 'restore'): Figure => {
    const ratio = median(ratios[verb]);
    return {
      name: `${verb} of ${MIB} MiB by @actions/cache, ratio to a bare file server`,
      value: `${ratio.toFixed(2)}  (${median(rates[verb]).toFixed(0)} MiB/s, ${ROUNDS} rounds)`,
      goal: { text: '>= 0.8', met: ratio >= 0.8 },
    };
  };
  return [
    figure('save'),
    figure('restore'),
    {
      name: 'sidecar resident, idle',
      value: `${idle.toFixed(0)} MiB  (${busy.toFixed(0)} MiB after ${2 * (ROUNDS + 1) * MIB} MiB)`,
      goal: { text: '< 64 MiB idle', met: idle < 64 },
    },
  ];
}
