import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RouterProcess, startRouter } from './router_process.ts';
import { anUpstream, listen, shut, to } from './stand.ts';

const GIB = 1024 ** 3;
/** The whole 10 GiB each way takes minutes on a small machine: HARRIER_LONG_BODIES=10 asks for it. */
const TOTAL = Number(process.env.HARRIER_LONG_BODIES ?? 2) * GIB;
const MOST_MIB = 192;
const CHUNK = Buffer.alloc(1024 * 1024, 'harrier');

let folder: string;
let upstream: Server;
let router: RouterProcess;
let received = 0;

/** So many bytes, made as they are asked for. */
function bytes(total: number): Readable {
  let left = total;
  return new Readable({
    read() {
      const size = Math.min(left, CHUNK.length);
      left -= size;
      this.push(size === 0 ? null : CHUNK.subarray(0, size));
    },
  });
}

function counter(count: (length: number) => void): Writable {
  return new Writable({
    highWaterMark: 4 * CHUNK.length,
    write(chunk: Buffer, _encoding, done) {
      count(chunk.length);
      done();
    },
  });
}

beforeAll(async () => {
  upstream = anUpstream(async (incoming, response) => {
    if (incoming.method === 'GET') {
      response.writeHead(200, { 'content-length': TOTAL });
      await pipeline(bytes(TOTAL), response);
      return;
    }
    received = 0;
    await pipeline(
      incoming,
      counter((length) => {
        received += length;
      }),
    );
    response.writeHead(201).end();
  });
  folder = await mkdtemp(join(tmpdir(), 'harrier-long-'));
  const file = join(folder, 'cells.json');
  await writeFile(file, JSON.stringify({ cells: { '1': { url: await listen(upstream) } } }));
  router = await startRouter(file);
}, 60_000);
afterAll(async () => {
  expect(await router.stop()).toBe(0);
  await shut(upstream);
  await rm(folder, { recursive: true });
}, 60_000);

/** The most that the router took while the work went on, and how fast it went. */
async function watched(what: string, work: () => Promise<void>): Promise<number> {
  let peak = 0;
  const watch = setInterval(async () => {
    peak = Math.max(peak, await router.residentMiB());
  }, 50);
  const began = performance.now();
  try {
    await work();
  } finally {
    clearInterval(watch);
  }
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `router: ${what} ${TOTAL / GIB} GiB in ${seconds.toFixed(1)} s, peak ${peak.toFixed(0)} MiB resident`,
  );
  return peak;
}

function exchange(
  method: string,
  body: Readable | undefined,
  take: (length: number) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const sized = body === undefined ? {} : { 'content-length': TOTAL };
    const outgoing = request(router.url, { method, headers: { ...to('1'), ...sized } }, (answer) => {
      pipeline(answer, counter(take)).then(() => resolve(answer.statusCode ?? 0), reject);
    });
    outgoing.once('error', reject);
    if (body === undefined) outgoing.end();
    else pipeline(body, outgoing).catch(reject);
  });
}

describe.runIf(process.platform === 'linux')(`a body of ${TOTAL / GIB} GiB through the router`, () => {
  it(`goes to the cell in under ${MOST_MIB} MiB`, { timeout: 900_000 }, async () => {
    const peak = await watched('up', async () => {
      expect(await exchange('PUT', bytes(TOTAL), () => {})).toBe(201);
    });
    expect(received).toBe(TOTAL);
    expect(peak).toBeLessThan(MOST_MIB);
  });

  it(`comes from the cell in under ${MOST_MIB} MiB`, { timeout: 900_000 }, async () => {
    let taken = 0;
    const peak = await watched('down', async () => {
      const status = await exchange('GET', undefined, (length) => {
        taken += length;
      });
      expect(status).toBe(200);
    });
    expect(taken).toBe(TOTAL);
    expect(peak).toBeLessThan(MOST_MIB);
  });
});
