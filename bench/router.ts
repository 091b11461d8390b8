import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { freePorts } from '../hack/cluster/free_ports.ts';
import { startProgram } from '../hack/program.ts';
import type { Lab } from './lab.ts';
import { plainLoad } from './plain_load.ts';
import { runnersOf } from './pool.ts';
import { residentMiB } from './resident.ts';
import { runtimeToken } from './runner_tokens.ts';
import { type Figure, median } from './statistics.ts';

const CONNECTIONS = 32;
const SECONDS = 4;
const ROUNDS = 5;
/** One after the other, for the time that a single request takes. */
const SINGLE_REQUESTS = 1000;
const STREAM_MIB = 256;

/** Verified requests a second, and long answers, through one router before one api, against the api itself, in turn. */
export async function router(lab: Lab, note: (text: string) => void): Promise<Figure[]> {
  const runners = await runnersOf(lab, 'routed', 1);
  const direct = lab.apis[0]?.url ?? '';
  const authorization = `Bearer ${await runtimeToken(lab, runners.pods[0]?.metadata.name ?? '')}`;
  const [port, opsPort] = await freePorts(2);
  const cellsFile = join(lab.scratch, 'cells.json');
  await writeFile(cellsFile, JSON.stringify({ cells: { '1': { url: direct } }, default: '1' }));
  await using process = startProgram('router', {
    HARRIER_CELLS_FILE: cellsFile,
    HARRIER_HOST: '127.0.0.1',
    HARRIER_PORT: String(port),
    HARRIER_OPS_PORT: String(opsPort),
  });
  await process.line(/"msg":"listening"/);
  const ways = { direct, through: `http://127.0.0.1:${port}` };

  const rates = await inTurn(ways, ROUNDS, async (url, way) => {
    note(`GET /v1/runner, ${way}`);
    return await perSecond(`${url}/v1/runner`, authorization);
  });
  note('processor time');
  const cpu = await processorMicros(process.pid, lab.apis[0]?.pid ?? 0, () =>
    perSecond(`${ways.through}/v1/runner`, authorization),
  );
  note('one request at a time');
  const single = await inTurn(ways, ROUNDS, (url) => singleMs(`${url}/v1/runner`, authorization));
  const path = await entryOf(direct, authorization);
  const speeds = await inTurn(ways, ROUNDS, async (url, way) => {
    note(`${STREAM_MIB} MiB, ${way}`);
    return await mibPerSecond(`${url}${path}`);
  });
  const resident = await residentMiB(process.pid);
  await runners.gone();

  const ratio = rates.through / rates.direct;
  const addedMs = single.through - single.direct;
  return [
    {
      name: 'GET /v1/runner through the router, as a ratio to direct',
      value: `${ratio.toFixed(2)}  (${Math.round(rates.through)} of ${Math.round(rates.direct)}/s, ${CONNECTIONS} connections)`,
      goal: { text: '>= 0.6', met: ratio >= 0.6 },
    },
    {
      name: 'processor time of a request in the router',
      value: `${cpu.router.toFixed(0)} µs  (${cpu.api.toFixed(0)} µs in the api)`,
    },
    {
      name: 'p50 that the router adds to a request',
      value: `${addedMs.toFixed(2)} ms  (${single.direct.toFixed(2)} ms direct)`,
      goal: { text: '<= 1 ms', met: addedMs <= 1 },
    },
    {
      name: `${STREAM_MIB} MiB out of the cache through the router, ratio`,
      value: `${(speeds.through / speeds.direct).toFixed(2)}  (${Math.round(speeds.through)} of ${Math.round(speeds.direct)} MiB/s)`,
    },
    { name: 'the router, resident after all that', value: `${resident.toFixed(0)} MiB` },
  ];
}

/** The median of each way, taken in turn so that whatever else the machine does meets both. */
async function inTurn<Way extends string>(
  ways: Record<Way, string>,
  rounds: number,
  measure: (url: string, way: Way) => Promise<number>,
): Promise<Record<Way, number>> {
  const samples = new Map<Way, number[]>();
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const [way, url] of Object.entries(ways) as [Way, string][]) {
      const sample = await measure(url, way);
      if (round > 0) samples.set(way, [...(samples.get(way) ?? []), sample]);
    }
  }
  return Object.fromEntries([...samples].map(([way, all]) => [way, median(all)])) as Record<Way, number>;
}

const perSecond = (url: string, authorization: string): Promise<number> =>
  plainLoad({ url, headers: { authorization }, connections: CONNECTIONS, seconds: SECONDS });

/** Ticks of a process's clock in /proc; USER_HZ is 100 on every Linux that Node runs on. */
const TICK_MICROS = 10_000;

/**
 * What one request takes of the router and of the api, in microseconds. Unlike the rate it hardly depends on what else
 * the machine does.
 */
async function processorMicros(routerPid: number, apiPid: number, load: () => Promise<number>) {
  const before = [await ticks(routerPid), await ticks(apiPid)] as const;
  const requests = (await load()) * SECONDS;
  const after = [await ticks(routerPid), await ticks(apiPid)] as const;
  const each = (index: 0 | 1) => ((after[index] - before[index]) * TICK_MICROS) / requests;
  return { router: each(0), api: each(1) };
}

async function ticks(pid: number): Promise<number> {
  const [, fields = ''] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ');
  const [user, system] = fields.split(' ').slice(11, 13).map(Number);
  return (user ?? Number.NaN) + (system ?? Number.NaN);
}

/** With nobody else waiting, in milliseconds. */
async function singleMs(url: string, authorization: string): Promise<number> {
  const samples: number[] = [];
  for (let index = 0; index < SINGLE_REQUESTS; index++) {
    const began = performance.now();
    const { statusCode, body } = await request(url, { headers: { authorization } });
    await body.dump();
    samples.push(performance.now() - began);
    if (statusCode !== 200) throw new Error(`GET /v1/runner answered ${statusCode}`);
  }
  return median(samples);
}

/** Saves an entry and answers the path of its signed URL. */
async function entryOf(url: string, authorization: string): Promise<string> {
  const post = async (path: string, body: unknown) => {
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  // The cache serves runners that can have a job.
  for (const state of ['Installing', 'Idle']) await post('/v1/runner/status', { state });
  const sizeBytes = STREAM_MIB * 1024 * 1024;
  const { uploadId } = await post('/v1/cache/uploads', { key: 'routed', version: 'abcd' });
  const offer = await post(`/v1/cache/uploads/${uploadId}/parts`, { parts: [{ number: 1, sizeBytes }] });
  const [part] = offer.parts as { url: string }[];
  const stored = await fetch(new URL(part?.url ?? '', url), {
    method: 'PUT',
    body: Buffer.alloc(sizeBytes, 1),
  });
  if (!stored.ok) throw new Error(`part: ${stored.status} ${await stored.text()}`);
  await post(`/v1/cache/uploads/${uploadId}/commit`, { sizeBytes, parts: [1] });
  const { url: path } = await post('/v1/cache/lookup', { keys: ['routed'], version: 'abcd' });
  if (typeof path !== 'string') throw new Error('the entry is not found');
  return path;
}

async function mibPerSecond(url: string): Promise<number> {
  const began = performance.now();
  const { statusCode, body } = await request(url);
  let bytes = 0;
  for await (const chunk of body) bytes += chunk.length;
  if (statusCode !== 200 || bytes !== STREAM_MIB * 1024 * 1024)
    throw new Error(`${statusCode}, ${bytes} bytes`);
  return STREAM_MIB / ((performance.now() - began) / 1000);
}
