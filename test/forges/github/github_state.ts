import { randomBytes } from 'node:crypto';

export interface FakeRunner {
  id: number;
  name: string;
  /** Path of what it belongs to: /repos/acme/app, /orgs/acme or /enterprises/corp. */
  scope: string;
  labels: string[];
  groupId: number;
  status: 'online' | 'offline';
  busy: boolean;
}

export interface FakeJob {
  id: number;
  runId: number;
  /** owner/name */
  repository: string;
  labels: string[];
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: 'success' | 'failure' | null;
  runnerId?: number;
}

export interface FakeGroup {
  id: number;
  name: string;
  default: boolean;
}

/** What a GitHub knows of runners and jobs. */
export interface GithubState {
  runners: Map<number, FakeRunner>;
  jobs: FakeJob[];
  /** owner/name, that which was pushed to last first. */
  repositories: string[];
  organizations: string[];
  enterprises: string[];
  /** By path of the scope; each organization and enterprise has `Default` as well. */
  groups: Map<string, FakeGroup[]>;
  addRunner(runner: Pick<FakeRunner, 'name' | 'scope' | 'labels' | 'groupId'>): FakeRunner;
  addJob(job: Pick<FakeJob, 'repository' | 'labels'>): FakeJob;
  /** The runner takes the first waiting job that it has the labels for. */
  takeJob(runnerId: number): FakeJob;
  /** The job ends, and with it the record of its runner: it was for one job. */
  endJob(jobId: number, conclusion?: 'success' | 'failure'): void;
  statusOfRun(runId: number): FakeJob['status'];
}

export function githubState(
  known: Pick<GithubState, 'repositories' | 'organizations' | 'enterprises'>,
): GithubState {
  let nextId = 1;
  const runners = new Map<number, FakeRunner>();
  const jobs: FakeJob[] = [];

  return {
    ...known,
    runners,
    jobs,
    groups: new Map(),
    addRunner(runner) {
      const made: FakeRunner = { ...runner, id: nextId++, status: 'offline', busy: false };
      runners.set(made.id, made);
      return made;
    },
    addJob(job) {
      const made: FakeJob = { ...job, id: nextId++, runId: nextId++, status: 'queued', conclusion: null };
      jobs.push(made);
      return made;
    },
    takeJob(runnerId) {
      const runner = runners.get(runnerId);
      if (runner === undefined) throw new Error(`there is no runner ${runnerId}`);
      const has = new Set(runner.labels.map((label) => label.toLowerCase()));
      const job = jobs.find(
        ({ status, labels }) => status === 'queued' && labels.every((label) => has.has(label.toLowerCase())),
      );
      if (job === undefined) throw new Error(`no job waits for ${runner.labels.join()}`);
      Object.assign(runner, { status: 'online', busy: true });
      Object.assign(job, { status: 'in_progress', runnerId });
      return job;
    },
    endJob(jobId, conclusion = 'success') {
      const job = jobs.find(({ id }) => id === jobId);
      if (job === undefined) throw new Error(`there is no job ${jobId}`);
      Object.assign(job, { status: 'completed', conclusion });
      if (job.runnerId !== undefined) runners.delete(job.runnerId);
    },
    statusOfRun(runId) {
      const states = jobs.filter((job) => job.runId === runId).map(({ status }) => status);
      if (states.every((status) => status === 'queued')) return 'queued';
      return states.every((status) => status === 'completed') ? 'completed' : 'in_progress';
    },
  };
}

/** encoded_jit_config: the files of a configured runner, as actions/runner unpacks them. */
export function jitConfigOf({ id, name, groupId }: FakeRunner, url: string): string {
  const files = {
    '.runner': {
      AgentId: String(id),
      AgentName: name,
      PoolId: String(groupId),
      ServerUrl: url,
      Ephemeral: 'true',
      WorkFolder: '_work',
    },
    '.credentials': { Scheme: 'OAuth', Data: { ClientId: randomBytes(16).toString('hex') } },
    '.credentials_rsaparams': { d: randomBytes(32).toString('base64'), exponent: 'AQAB' },
  };
  const encoded = Object.entries(files).map(([file, data]) => [file, base64(JSON.stringify(data))]);
  return base64(JSON.stringify(Object.fromEntries(encoded)));
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
