import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { randomFile } from './random_file.ts';
import { forgetPeak, peakMiB } from './resident.ts';
import { type Figure, median, spread } from './statistics.ts';
import { type ClientJob, runClient, secondsOf, startClient } from './stock_client.ts';
import { openTransferStand, type Server } from './transfer_stand.ts';

const CLIENTS = 32;
const MIB = 64;
const ROUNDS = 2;

/** Many unmodified clients that restore one entry at the same time, against a bare file server, in turn. */
export async function concurrentRestores(lab: Lab, note: (text: string) => void): Promise<Figure[]> {
  const workspace = join(lab.scratch, 'together');
  await randomFile(join(workspace, 'data', 'random'), MIB);
  await using stand = await openTransferStand(lab, 'together');
  const key = `together-${Date.now()}`;
  for (const resultsUrl of Object.values(stand.urls))
    await runClient({ resultsUrl, verb: 'save', key, workspace, folder: 'data' });

  const rates: Record<Server, number[]> = { bare: [], harrier: [] };
  await Promise.all([forgetPeak(stand.sidecarPid), forgetPeak(stand.apiPid)]);
  for (let round = 1; round <= ROUNDS; round++)
    for (const server of ['harrier', 'bare'] as const) {
      note(`at ${server}, round ${round} of ${ROUNDS}`);
      const seconds = await restoreTogether(stand.urls[server], key, workspace);
      rates[server].push((CLIENTS * MIB) / seconds);
    }
  const sidecar = await peakMiB(stand.sidecarPid);
  const api = await peakMiB(stand.apiPid);
  await rm(workspace, { recursive: true });
  const ratios = rates.harrier.map((rate, round) => rate / (rates.bare[round] ?? Number.NaN));
  return [
    {
      name: `${CLIENTS} restores of ${MIB} MiB at once, ratio to a bare file server`,
      value: `${median(ratios).toFixed(2)} ${spread(ratios, 2)}  (${median(rates.harrier).toFixed(0)} MiB/s in all, ${ROUNDS} rounds)`,
      goal: { text: '>= 0.8', met: median(ratios) >= 0.8 },
    },
    {
      name: 'sidecar and api resident at most, meanwhile',
      value: `${sidecar.toFixed(0)} and ${api.toFixed(0)} MiB`,
      goal: { text: '<= 160 MiB the api', met: api <= 160 },
    },
  ];
}

/** Seconds from the moment in which all are told to begin until the last is done. */
async function restoreTogether(resultsUrl: string, key: string, workspace: string): Promise<number> {
  await using started = new AsyncDisposableStack();
  const jobs = Array.from({ length: CLIENTS }, (_, index): ClientJob => {
    const own = join(workspace, String(index));
    started.defer(() => rm(own, { recursive: true, force: true }));
    return { resultsUrl, verb: 'restore', key, workspace: own, folder: 'data' };
  });
  const clients = await Promise.all(
    jobs.map(async (job) => {
      await mkdir(job.workspace, { recursive: true });
      const client = started.use(await startClient(job, true));
      await client.line(/^READY$/);
      return client;
    }),
  );
  const began = performance.now();
  for (const { pid } of clients) process.kill(pid, 'SIGUSR2');
  await Promise.all(clients.map((client, index) => secondsOf(client, jobs[index] as ClientJob)));
  return (performance.now() - began) / 1000;
}
