import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { randomFile, touchMemory } from './random_file.ts';
import { forgetPeak, peakMiB, residentMiB } from './resident.ts';
import { type Figure, median, spread } from './statistics.ts';
import { runClient } from './stock_client.ts';
import { openTransferStand, type Server, type TransferStand } from './transfer_stand.ts';

/** Fewer rounds the longer one takes; before the first, one that is not counted. */
const SIZES = [
  { mebibytes: 1, rounds: 7 },
  { mebibytes: 64, rounds: 5 },
  { mebibytes: 512, rounds: 5 },
  { mebibytes: 2048, rounds: 2 },
] as const;
const TOUCHED_MIB = 6 * 1024;
const VERBS = ['save', 'restore'] as const;
type Verb = (typeof VERBS)[number];

/** What was measured of one size, a value each round: MiB/s by the client's own clock, and of a file's copy. */
interface Measured {
  mebibytes: number;
  rates: Record<Verb, Record<Server, number[]>>;
  copies: number[];
  /** MiB resident at most meanwhile. */
  peaks: { sidecar: number; api: number };
}

/**
 * The unmodified client saving and restoring through sidecar and api, against a bare file server, in turn. Each size is
 * told once it is measured: the largest takes many minutes, and what was seen before it is not lost with it.
 */
export async function* throughput(lab: Lab, note: (text: string) => void): AsyncGenerator<Figure> {
  const workspace = join(lab.scratch, 'workspace');
  await mkdir(workspace);
  await using stand = await openTransferStand(lab, 'throughput');
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const idle = await residentMiB(stand.sidecarPid);
  note('touching memory');
  await touchMemory(workspace, TOUCHED_MIB);
  let last: Measured | undefined;
  for (const { mebibytes, rounds } of SIZES) {
    last = await measure(stand, workspace, mebibytes, rounds, note);
    yield* figuresOf(last);
  }
  const { sidecar = Number.NaN, api = Number.NaN } = last?.peaks ?? {};
  await rm(workspace, { recursive: true });
  yield* [
    {
      name: 'sidecar resident, idle',
      value: `${idle.toFixed(0)} MiB`,
      goal: { text: '< 64 MiB', met: idle < 64 },
    },
    {
      name: 'sidecar resident at most, while 2 GiB are saved and restored',
      value: `${sidecar.toFixed(0)} MiB`,
      goal: { text: '<= 96 MiB', met: sidecar <= 96 },
    },
    {
      name: 'api resident at most, while 2 GiB are saved and restored',
      value: `${api.toFixed(0)} MiB`,
      goal: { text: '<= 160 MiB', met: api <= 160 },
    },
  ];
}

async function measure(
  stand: TransferStand,
  workspace: string,
  mebibytes: number,
  rounds: number,
  note: (text: string) => void,
): Promise<Measured> {
  const folder = `data-${mebibytes}`;
  const file = join(workspace, folder, 'random');
  await randomFile(file, mebibytes);
  const measured: Measured = {
    mebibytes,
    rates: { save: { bare: [], harrier: [] }, restore: { bare: [], harrier: [] } },
    copies: [],
    peaks: { sidecar: 0, api: 0 },
  };
  for (let round = 0; round <= rounds; round++) {
    const copy = await copied(file, mebibytes);
    if (round > 0) measured.copies.push(copy);
    const key = `bench-${mebibytes}-${Date.now()}`;
    // In turn who is first, since whatever wears the machine down between the two must not always meet the same.
    const order: readonly Server[] = round % 2 === 0 ? ['bare', 'harrier'] : ['harrier', 'bare'];
    for (const verb of VERBS)
      for (const server of order) {
        note(`${mebibytes} MiB, ${verb} at ${server}, round ${round} of ${rounds}`);
        const job = { resultsUrl: stand.urls[server], verb, key, workspace, folder };
        const seconds = await withPeaks(stand, measured, () => runClient(job));
        if (round > 0) measured.rates[verb][server].push(mebibytes / seconds);
      }
  }
  await rm(join(workspace, folder), { recursive: true });
  return measured;
}

async function withPeaks<T>(stand: TransferStand, { peaks }: Measured, work: () => Promise<T>): Promise<T> {
  await Promise.all([forgetPeak(stand.sidecarPid), forgetPeak(stand.apiPid)]);
  const result = await work();
  peaks.sidecar = Math.max(peaks.sidecar, await peakMiB(stand.sidecarPid));
  peaks.api = Math.max(peaks.api, await peakMiB(stand.apiPid));
  return result;
}

/** MiB/s of copying the file once. */
async function copied(file: string, mebibytes: number): Promise<number> {
  const began = performance.now();
  await copyFile(file, `${file}.copy`);
  const seconds = (performance.now() - began) / 1000;
  await rm(`${file}.copy`);
  return mebibytes / seconds;
}

function figuresOf({ mebibytes, rates, copies }: Measured): Figure[] {
  return VERBS.map((verb) => {
    const { harrier, bare } = rates[verb];
    const ratios = harrier.map((rate, round) => rate / (bare[round] ?? Number.NaN));
    const toCopy = harrier.map((rate, round) => rate / (copies[round] ?? Number.NaN));
    const ratio = median(ratios);
    return {
      name: `${verb} of ${mebibytes} MiB by @actions/cache, ratio to a bare file server`,
      value: `${ratio.toFixed(2)} ${spread(ratios, 2)}  (${median(harrier).toFixed(0)} MiB/s, ${ratios.length} rounds; to a file's copy ${median(toCopy).toFixed(2)})`,
      goal: { text: '>= 0.8', met: ratio >= 0.8 },
    };
  });
}
