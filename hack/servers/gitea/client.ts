import { setTimeout as sleep } from 'node:timers/promises';

export interface GiteaJob {
  id: number;
  run_id: number;
  name: string;
  labels: string[];
  status: 'queued' | 'waiting' | 'in_progress' | 'completed';
  conclusion?: string;
  runner_id?: number;
  runner_name?: string;
  head_sha: string;
  created_at: string;
  started_at: string;
  completed_at: string;
}

export interface GiteaRunner {
  id: number;
  name: string;
  status: 'online' | 'offline';
  busy: boolean;
  ephemeral: boolean;
  labels: { name: string }[];
}

/** What a person or a script does with a Gitea: https://docs.gitea.com/api/1.26/. Repositories are `owner/name`. */
export type GiteaClient = ReturnType<typeof giteaClient>;

export function giteaClient(url: string, token: string) {
  async function ask(method: string, path: string, body?: unknown): Promise<Response> {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { authorization: `token ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!answer.ok)
      throw new Error(`${method} ${path} answered ${answer.status}: ${(await answer.text()).slice(0, 500)}`);
    return answer;
  }
  const json = async <T>(method: string, path: string, body?: unknown) =>
    (await (await ask(method, path, body)).json()) as T;

  async function jobs(repository: string, run?: number): Promise<GiteaJob[]> {
    const path = run === undefined ? '/actions/jobs' : `/actions/runs/${run}/jobs`;
    return (await json<{ jobs: GiteaJob[] }>('GET', `/repos/${repository}${path}?limit=50`)).jobs;
  }

  return {
    ask,
    json,
    async organization(name: string): Promise<void> {
      await ask('POST', '/orgs', { username: name, visibility: 'public' });
    },
    /** An empty one in this organization, with a first commit. */
    async repository(organization: string, name: string): Promise<string> {
      await ask('POST', `/orgs/${organization}/repos`, { name, auto_init: true, default_branch: 'main' });
      return `${organization}/${name}`;
    },
    /** One commit with these files, new or changed, on main. */
    async push(repository: string, files: Readonly<Record<string, string | Buffer>>, message: string) {
      const there = async (path: string) => {
        const answer = await ask('GET', `/repos/${repository}/contents/${path}`).catch(() => undefined);
        return answer === undefined ? undefined : ((await answer.json()) as { sha: string }).sha;
      };
      const changes = await Promise.all(
        Object.entries(files).map(async ([path, content]) => {
          const sha = await there(path);
          return {
            ...{ path, content: Buffer.from(content).toString('base64') },
            ...(sha === undefined ? { operation: 'create' } : { operation: 'update', sha }),
          };
        }),
      );
      const body = { branch: 'main', message, files: changes };
      return (await json<{ commit: { sha: string } }>('POST', `/repos/${repository}/contents`, body)).commit
        .sha;
    },
    jobs,
    /** Its newest run's jobs. */
    async newest(repository: string): Promise<GiteaJob[]> {
      const path = `/repos/${repository}/actions/runs?limit=1`;
      const { workflow_runs: runs } = await json<{ workflow_runs: { id: number }[] }>('GET', path);
      return runs[0] === undefined ? [] : jobs(repository, runs[0].id);
    },
    /** What the job printed. */
    log: async (repository: string, job: number) =>
      (await ask('GET', `/repos/${repository}/actions/jobs/${job}/logs`)).text(),
    /** The jobs of a commit's runs once there are so many and all have ended. */
    async ended(repository: string, commit: string, count: number, timeoutMs: number): Promise<GiteaJob[]> {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const path = `/repos/${repository}/actions/runs?head_sha=${commit}`;
        const { workflow_runs: runs } = await json<{ workflow_runs: { id: number }[] }>('GET', path);
        const found = (await Promise.all(runs.map(({ id }) => jobs(repository, id)))).flat();
        if (found.length >= count && found.every(({ status }) => status === 'completed')) return found;
        if (Date.now() > deadline)
          throw new Error(`jobs of ${repository} did not end: ${JSON.stringify(found.map(brief))}`);
        await sleep(250);
      }
    },
    async runners(path = '/admin/actions/runners'): Promise<GiteaRunner[]> {
      return (await json<{ runners: GiteaRunner[] }>('GET', `${path}?limit=50`)).runners;
    },
  };
}

const brief = ({ id, name, status, conclusion, runner_name }: GiteaJob) => ({
  ...{ id, name, status, conclusion, runner_name },
});
