import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../hack/cluster/node/prerequisites.ts';
import { aptInstall } from '../hack/run/apt_install.ts';
import { run } from '../hack/run/command.ts';

/** Requests that are sent in turn over kept connections, each as soon as the one before is answered. */
export interface Load {
  url: string;
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  /** One request each; none for requests without a body. */
  bodies?: readonly string[];
}

export interface LoadResult {
  perSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

/** As many as the published figure of the best-known peer was measured with. */
export const CONNECTIONS = 16;

/**
 * Debian's `wrk`, installed where it can be. It takes a fifth of the processor time of a load generator in
 * JavaScript, which on two cores would be measured along with the server.
 */
export async function ensureWrk(note: (text: string) => void): Promise<string> {
  const found = findProgram('wrk');
  if (found !== undefined) return found;
  try {
    await aptInstall(['wrk'], note);
  } catch (cause) {
    throw new Error("the load is wrk's, which apt-get can not install here; put a wrk into the PATH", {
      cause,
    });
  }
  return findProgram('wrk') ?? 'wrk';
}

/** Loads the server for so long. Throws when any answer is not 2xx. */
export async function load(wrk: string, what: Load, seconds: number): Promise<LoadResult> {
  const folder = await mkdtemp(join(tmpdir(), 'harrier-wrk-'));
  try {
    // In a file that only its owner may read, and not on the command line: the headers hold a token.
    const script = join(folder, 'load.lua');
    await writeFile(script, scriptOf(what), { mode: 0o600 });
    const options = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency', '-s', script];
    return resultOf(await run(wrk, [...options, what.url]));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function scriptOf({ url, method, headers, bodies = [] }: Load): string {
  const path = new URL(url).pathname;
  const set = Object.entries(headers).map(([name, value]) => `wrk.headers[${lua(name)}] = ${lua(value)}`);
  const requests = bodies.map(
    (body) => `  requests[#requests + 1] = wrk.format("POST", ${lua(path)}, nil, ${lua(body)})`,
  );
  // wrk fills in the host before it calls init, so what is sent can be made once.
  const inTurn = `
local requests, turn = {}, 0
function init()
${requests.join('\n')}
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end`;
  return [`wrk.method = ${lua(method)}`, ...set, ...(bodies.length > 0 ? [inTurn] : [])].join('\n');
}

/** A Lua string with these very bytes. */
function lua(text: string): string {
  return `"${[...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;
}

function resultOf(said: string): LoadResult {
  if (/Non-2xx|Socket errors/.test(said)) throw new Error(`not everything was answered with 2xx:\n${said}`);
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(said)?.[1]),
    p50: milliseconds(/\s50%\s+(\S+)/.exec(said)?.[1]),
    p99: milliseconds(/\s99%\s+(\S+)/.exec(said)?.[1]),
  };
}

function milliseconds(text = ''): number {
  const [, figure, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  const factors: Record<string, number> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };
  return Number(figure) * (factors[unit ?? ''] ?? Number.NaN);
}
