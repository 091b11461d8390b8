import { randomBytes, randomUUID } from 'node:crypto';
import { type Answer, type Asked, startWire, type Wire } from '../wire.ts';

interface Runner {
  id: number;
  uuid: string;
  name: string;
  ephemeral: boolean;
  status: 'offline' | 'idle' | 'active';
  token: string;
}

export interface FakeForgejo extends Wire {
  runners: Map<number, Runner>;
  /** Jobs by what they run on. */
  queue(runsOn: readonly string[], status?: 'waiting' | 'running', count?: number): void;
}

const PER_PAGE = 50;

/**
 * A fake of the part of Forgejo's API that makes and lists runners, written from its published description
 * (/swagger.v1.json of version 15: registerAdminRunner, getAdminRunners, deleteAdminRunner, adminSearchRunJobs and theirs
 * of organizations and repositories). No Forgejo can be had here; the real one is not tried.
 */
export async function startFakeForgejo(token: string, base: string): Promise<FakeForgejo> {
  const runners = new Map<number, Runner>();
  const jobs: { runs_on: readonly string[]; status: string }[] = [];
  let last = 0;

  function answer({ method, url, headers, body }: Asked): Answer {
    if (headers.authorization !== `token ${token}`)
      return { status: 401, body: { message: 'token is required' } };
    if (!url.pathname.startsWith(`${base}/runners`)) return { status: 404, body: { message: 'not found' } };
    const rest = url.pathname.slice(`${base}/runners`.length);
    if (rest === '' && method === 'POST') return register(JSON.parse(body) as Partial<Runner>);
    if (rest === '' && method === 'GET') return list(url.searchParams);
    if (rest === '/jobs' && method === 'GET') return search(url.searchParams.get('labels') ?? '');
    const runner = runners.get(Number(rest.slice(1)));
    if (runner === undefined) return { status: 404, body: { message: 'no such runner' } };
    if (method === 'GET') return { status: 200, body: shown(runner) };
    runners.delete(runner.id);
    return { status: 204 };
  }

  function register({ name, ephemeral }: Partial<Runner>): Answer {
    if (name === undefined || name === '') return { status: 422, body: { message: '[Name]: Required' } };
    last += 1;
    const made = { id: last, uuid: randomUUID(), token: randomBytes(20).toString('hex') };
    runners.set(last, { ...made, name, ephemeral: ephemeral === true, status: 'offline' });
    return { status: 201, body: made };
  }

  function list(query: URLSearchParams): Answer {
    const size = Math.min(PER_PAGE, Number(query.get('limit') ?? 30));
    const from = (Number(query.get('page') ?? 1) - 1) * size;
    const headers = { 'x-total-count': String(runners.size) };
    return { status: 200, headers, body: [...runners.values()].slice(from, from + size).map(shown) };
  }

  /** Jobs that a runner with these labels could run, waiting or running; null when there is none. */
  function search(labels: string): Answer {
    const given = labels.split(',');
    const found = jobs.filter(({ runs_on }) => runs_on.every((label) => given.includes(label)));
    return { status: 200, body: found.length === 0 ? null : found };
  }

  const wire = await startWire(answer);
  return Object.assign(wire, {
    runners,
    queue(runs_on: readonly string[], status: 'waiting' | 'running' = 'waiting', count = 1) {
      for (let n = 0; n < count; n += 1) jobs.push({ runs_on, status });
    },
  });
}

const shown = ({ token: _, ...runner }: Runner) => ({ ...runner, labels: [], version: '', description: '' });
