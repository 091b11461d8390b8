import { randomFillSync } from 'node:crypto';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NODE_FLAGS, PROGRAM_ENV } from '../hack/program.ts';
import { type Started, start } from '../hack/run/started.ts';
import { PodPart } from '../src/resources/group.ts';
import { bundleSidecar } from '../test/sidecar/sidecar_process.ts';
import { openSlowLink, withHosts } from './slow_link.ts';
import { type Figure, median, percentile } from './statistics.ts';

const MIB = 512;
const ROUNDS = 5;
const LINK_MS = 2;
const TOKEN = 'bench';
const WAYS = ['plain', 'parallel'] as const;
type Way = (typeof WAYS)[number];

/** Where sidecar and client run: what their commands are given in front, and where they find the api. */
interface Place {
  name: string;
  prefix: readonly string[];
  apiUrl: string;
}

/**
 * Restores by the unmodified @actions/cache through a sidecar, by one plain GET and in the parallel segments that it
 * takes from a host of Azure's, in turn: with the api on the same loopback, and behind a slow link. Needs root and Go.
 */
export async function parallelRestores(note: (text: string) => void): Promise<Figure[]> {
  if (process.getuid?.() !== 0)
    return [{ name: 'parallel restores', value: 'not measured: network namespaces need root' }];
  await using opened = new AsyncDisposableStack();
  const scratch = await mkdtemp(join(tmpdir(), 'harrier-restores-'));
  opened.defer(() => rm(scratch, { recursive: true, force: true }));
  note('bundling the sidecar');
  const bundle = await bundleSidecar(scratch);
  await writeFile(join(scratch, 'token'), TOKEN);
  const workspace = join(scratch, 'workspace');
  await randomFile(join(workspace, 'data'));

  const link = opened.use(await openSlowLink(scratch, LINK_MS));
  const hosts = await withHosts(scratch, ['127.0.0.1 localhost', `127.0.0.1 ${PodPart.blobHost}`]);
  const server = (address: string) => serve(opened, scratch, address);
  const places: Place[] = [
    { name: 'on loopback', prefix: hosts, apiUrl: await server('127.0.0.1') },
    {
      name: `over ${LINK_MS} ms each way`,
      prefix: [...link.there, ...hosts],
      apiUrl: await server(link.here),
    },
  ];
  const figures: Figure[] = [];
  for (const place of places) figures.push(await measure(place, { scratch, workspace, bundle }, note));
  return figures;
}

async function measure(
  place: Place,
  { scratch, workspace, bundle }: { scratch: string; workspace: string; bundle: string },
  note: (text: string) => void,
): Promise<Figure> {
  await using sidecars = new AsyncDisposableStack();
  const urls = {} as Record<Way, string>;
  for (const way of WAYS) {
    const env = {
      ...PROGRAM_ENV,
      HARRIER_API_URL: place.apiUrl,
      HARRIER_TOKEN_FILE: join(scratch, 'token'),
      HARRIER_PORT: '0',
      ...(way === 'parallel' ? { HARRIER_BLOB_HOST: PodPart.blobHost } : {}),
    };
    const sidecar = sidecars.use(startIn(place, [...NODE_FLAGS, bundle], env, scratch));
    const [, port = ''] = await sidecar.line(/"sidecar serves","port":(\d+)/);
    urls[way] = `http://127.0.0.1:${port}/`;
  }
  const client = async (verb: 'save' | 'restore', way: Way, key: string) => {
    const script = join(import.meta.dirname, 'cache_client.ts');
    const env = {
      ACTIONS_CACHE_SERVICE_V2: 'true',
      ACTIONS_RESULTS_URL: urls[way],
      ACTIONS_RUNTIME_TOKEN: 'not-a-token',
      GITHUB_WORKSPACE: workspace,
      RUNNER_TEMP: join(workspace, 'temp'),
      GITHUB_SERVER_URL: 'https://github.com',
      RUNNER_DEBUG: '1',
    };
    await using stock = startIn(place, [script, verb, key, 'data'], env, workspace);
    const [, text = ''] = await stock.line(/^RESULT (.*)$/);
    const result = JSON.parse(text) as { hit: boolean; seconds: number };
    if (!result.hit) throw new Error(`${verb} did not hit:\n${stock.words()}`);
    return MIB / result.seconds;
  };

  const key = `restores-${Date.now()}`;
  note(`${place.name}: one save`);
  await client('save', 'plain', key);
  const rates: Record<Way, number[]> = { plain: [], parallel: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    // In turn who is first, since whatever wears the machine down between the two must not always meet the same.
    for (const way of round % 2 === 0 ? WAYS : WAYS.toReversed()) {
      note(`${place.name}: ${way} restore, round ${round} of ${ROUNDS}`);
      const rate = await client('restore', way, key);
      // The first of each reads what is not in memory yet.
      if (round > 0) rates[way].push(rate);
    }
  }
  const ratios = rates.parallel.map((rate, round) => rate / (rates.plain[round] ?? Number.NaN));
  const mibs = (way: Way) => `${median(rates[way]).toFixed(0)} MiB/s ${way}`;
  return {
    name: `restore of ${MIB} MiB ${place.name}, parallel to plain`,
    value: `${median(ratios).toFixed(2)}  (${percentile(ratios, 0).toFixed(2)}-${percentile(ratios, 1).toFixed(2)}; ${mibs('parallel')}, ${mibs('plain')}; ${ROUNDS} rounds)`,
  };
}

async function serve(opened: AsyncDisposableStack, scratch: string, address: string): Promise<string> {
  const folder = await mkdtemp(join(scratch, 'store-'));
  const script = join(import.meta.dirname, 'cache_server.ts');
  const server = opened.use(
    start(process.execPath, [...NODE_FLAGS, script, folder, address, TOKEN], PROGRAM_ENV),
  );
  const [, port = ''] = await server.line(/serves on (\d+)/);
  return `http://${address}:${port}`;
}

function startIn({ prefix }: Place, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Started {
  const [file = process.execPath, ...rest] = [...prefix, process.execPath, ...args];
  return start(file, rest, env, cwd);
}

/** Doesn't compress, so that what is stored and sent is as large as it is. */
async function randomFile(folder: string): Promise<void> {
  await mkdir(join(folder, '..', 'temp'), { recursive: true });
  await mkdir(folder);
  const file = await open(join(folder, 'random'), 'w');
  const block = Buffer.alloc(1024 * 1024);
  for (let index = 0; index < MIB; index++) await file.write(randomFillSync(block));
  await file.close();
}
