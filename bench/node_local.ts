import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from './lab.ts';
import { randomFile } from './random_file.ts';
import { type Figure, median, spread } from './statistics.ts';
import { type ClientJob, runClient } from './stock_client.ts';
import { openTransferStand } from './transfer_stand.ts';

const MIB = 512;
const ROUNDS = 3;
const PATIENCE_MS = 30_000;

/** The same client restoring the same entry through two sidecars: one that asks the api, one whose node has the entry. */
export async function nodeLocal(lab: Lab, note: (text: string) => void): Promise<Figure[]> {
  const workspace = join(lab.scratch, 'node-local');
  const folder = join(workspace, 'tier');
  await randomFile(join(workspace, 'data', 'random'), MIB);
  await mkdir(folder, { mode: 0o700 });
  const tier = { HARRIER_NODE_CACHE_DIR: folder, HARRIER_NODE_CACHE_BYTES: String(4 * MIB * 1024 * 1024) };
  await using without = await openTransferStand(lab, 'node-local-off');
  await using withTier = await openTransferStand(lab, 'node-local', tier);
  const rates = { without: [] as number[], with: [] as number[] };
  const job = (resultsUrl: string, verb: ClientJob['verb']): ClientJob => ({
    ...{ resultsUrl, verb, key: 'node-local' },
    ...{ workspace, folder: 'data' },
  });
  // Pools of the lab have no repository, so each has a tenant and an entry of its own.
  for (const stand of [without, withTier]) await runClient(job(stand.urls.harrier, 'save'));
  note('first restore, which the node keeps');
  const first = MIB / (await runClient(job(withTier.urls.harrier, 'restore')));
  for (
    const end = Date.now() + PATIENCE_MS;
    !(await readdir(folder)).some((name) => name.endsWith('.entry'));
  ) {
    if (Date.now() > end) throw new Error('the node did not keep the entry');
    await sleep(100);
  }
  await runClient(job(without.urls.harrier, 'restore'));
  for (let round = 1; round <= ROUNDS; round++) {
    note(`restores, round ${round} of ${ROUNDS}`);
    rates.without.push(MIB / (await runClient(job(without.urls.harrier, 'restore'))));
    rates.with.push(MIB / (await runClient(job(withTier.urls.harrier, 'restore'))));
  }
  await rm(workspace, { recursive: true });
  const ratios = rates.with.map((rate, round) => rate / (rates.without[round] ?? Number.NaN));
  return [
    {
      name: `restore of ${MIB} MiB from the node's disk, ratio to one by the api`,
      value: `${median(ratios).toFixed(2)} ${spread(ratios, 2)}  (${median(rates.with).toFixed(0)} and ${median(rates.without).toFixed(0)} MiB/s; the first, which is kept, ${first.toFixed(0)})`,
    },
  ];
}
