import { hash, randomBytes } from 'node:crypto';
import { type Answer, type Asked, startWire, type Wire } from '../wire.ts';
import { versionedToken } from './versioned_token.ts';

interface Record_ {
  id: number;
  description: string;
  runner_type: string;
  owner: number | undefined;
  token: string;
  tag_list: string[];
  run_untagged: boolean;
  locked: boolean;
  maintenance_note: string | null;
  contacted: boolean;
  running: number;
}

interface Job {
  id: number;
  project: number;
  tag_list: string[];
  runner?: number;
}

export interface FakeGitlabOptions {
  /** Who may do what, by token: its scopes, and whether its user administrates the instance. */
  tokens: Readonly<Record<string, { scopes: readonly string[]; admin?: boolean }>>;
  groups?: readonly { id: number; path: string }[];
  projects?: readonly { id: number; path: string; group?: number; ciOff?: boolean }[];
  /** GitLab before 18.2 did not tell job_execution_status. */
  tellsExecution?: boolean;
  /** Whether tokens are of the routable form. */
  routable?: boolean;
}

export interface FakeGitlab extends Wire {
  runners: Map<number, Record_>;
  queue(job: Omit<Job, 'id'>, count?: number): void;
  connect(id: number): void;
  /** The runner begins a job. */
  start(id: number): void;
  /** So many requests more are answered before the limit of the window is met. */
  remaining: number;
}

/**
 * A fake of GitLab's API, as far as runners need it: written from doc/api/{runners,users,jobs,groups,projects,rest}.md
 * and lib/api/ci/runners.rb, lib/api/user_runners.rb, lib/api/entities/ci/runner.rb of GitLab 19.4, and from
 * doc/administration/settings/user_and_ip_rate_limits.md for the limits. No GitLab has been asked.
 */
export async function startFakeGitlab(options: FakeGitlabOptions): Promise<FakeGitlab> {
  const { tokens, groups = [], projects = [], tellsExecution = true, routable = true } = options;
  const runners = new Map<number, Record_>();
  let jobs: Job[] = [];
  let nextId = 1;

  const wire = await startWire((asked, origin) => {
    if (fake.remaining <= 0)
      return {
        status: 429,
        headers: { ...limits(), 'retry-after': '30', 'content-type': 'text/plain' },
        body: 'Retry later\n',
      };
    fake.remaining -= 1;
    const answer = serve(asked, origin);
    return { ...answer, headers: { ...limits(), ...answer.headers } };
  });

  function limits(): Record<string, string> {
    return {
      'ratelimit-limit': '2000',
      'ratelimit-remaining': String(Math.max(0, fake.remaining)),
      'ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 30),
    };
  }

  function serve(asked: Asked, origin: string): Answer {
    const who = tokens[asked.headers['private-token'] ?? ''];
    if (who === undefined) return { status: 401, body: { message: '401 Unauthorized' } };
    const path = asked.url.pathname.replace(/^\/api\/v4/, '');
    const enough = scopesFor(asked.method, path);
    if (!enough.some((scope) => who.scopes.includes(scope))) return OUT_OF_SCOPE;
    const admin = who.admin === true;
    if (path === '/api/graphql') return graphql(asked, admin);
    if (path === '/user/runners') return create(asked, admin);
    const [, id] = /^\/runners\/(\d+)(\/jobs)?$/.exec(path) ?? [];
    if (id !== undefined) return ofRunner(asked, Number(id), path.endsWith('/jobs'), origin);
    if (path !== '/runners/all') return ofScope(path, asked, origin);
    return admin ? page([...runners.values()].map(told), asked, origin) : FORBIDDEN;
  }

  function create(asked: Asked, admin: boolean): Answer {
    const given = JSON.parse(asked.body) as Record<string, unknown>;
    const type = String(given.runner_type);
    const owner = (type === 'group_type' ? given.group_id : given.project_id) as number | undefined;
    const tags = String(given.tag_list ?? '')
      .split(',')
      .filter(Boolean);
    const known = type === 'group_type' ? groups : projects;
    const may = type === 'instance_type' ? admin : known.some(({ id }) => id === owner);
    const refusal = refusedCreation({ type, may, untagged: given.run_untagged !== false, tags });
    if (refusal !== undefined) return refusal;
    const id = nextId++;
    const kind = TYPES.indexOf(type) + 1;
    const token = routable
      ? versionedToken(
          'glrt-',
          `c:1\no:a\n${type === 'project_type' ? `p:${Number(owner).toString(36)}\n` : ''}t:${kind}`,
        )
      : `glrt-t${kind}_${randomBytes(15).toString('base64url')}`;
    runners.set(id, {
      id,
      description: String(given.description ?? ''),
      runner_type: type,
      owner,
      token,
      tag_list: tags,
      run_untagged: given.run_untagged !== false,
      locked: given.locked === true,
      maintenance_note: (given.maintenance_note as string | undefined) ?? null,
      contacted: false,
      running: 0,
    });
    return { status: 201, body: { id, token, token_expires_at: null } };
  }

  function ofRunner(asked: Asked, id: number, itsJobs: boolean, origin: string): Answer {
    const runner = runners.get(id);
    if (runner === undefined) return { status: 404, body: { message: '404 Runner Not Found' } };
    if (asked.method === 'DELETE') {
      runners.delete(id);
      return { status: 204 };
    }
    if (!itsJobs) return { status: 200, body: told(runner) };
    const its = Array.from({ length: runner.running }, (_, index) => ({ id: index + 1, status: 'running' }));
    return page(its, asked, origin);
  }

  function ofScope(path: string, asked: Asked, origin: string): Answer {
    const [, kind = '', given = '', what = ''] =
      /^\/(groups|projects)\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    const name = decodeURIComponent(given);
    const found = (kind === 'groups' ? groups : projects).find(
      (one) => one.path === name || String(one.id) === name,
    );
    if (found === undefined)
      return { status: 404, body: { message: `404 ${kind === 'groups' ? 'Group' : 'Project'} Not Found` } };
    switch (`${kind} ${what}`) {
      case 'groups ':
      case 'projects ':
        return { status: 200, body: { id: found.id, name: found.path, full_path: found.path } };
      case 'groups runners':
      case 'projects runners': {
        const type = asked.url.searchParams.get('type');
        // A group's list has its ancestors' runners, and each list those of the instance.
        const shown = [...runners.values()].filter(
          ({ runner_type, owner }) =>
            (type === null || runner_type === type) &&
            (runner_type === 'instance_type' || owner === found.id),
        );
        return page(shown.map(told), asked, origin);
      }
      case 'groups projects':
        return page(
          projects
            .filter(({ group }) => group === found.id)
            .map(({ id, path: full }) => ({ id, path_with_namespace: full })),
          asked,
          origin,
        );
      case 'projects jobs': {
        if ('ciOff' in found && found.ciOff === true)
          return { status: 403, body: { message: '403 Forbidden' } };
        const pending = jobs.filter(({ project, runner }) => project === found.id && runner === undefined);
        const listed = pending.map(({ id, tag_list }) => ({ id, status: 'pending', tag_list, runner: null }));
        return page(asked.url.searchParams.get('scope') === 'pending' ? listed : [], asked, origin);
      }
    }
    return { status: 404, body: { error: '404 Not Found' } };
  }

  function told(runner: Record_) {
    const { id, description, runner_type, contacted, running } = runner;
    return {
      id,
      description,
      ip_address: null,
      active: true,
      paused: false,
      is_shared: runner_type === 'instance_type',
      runner_type,
      name: null,
      online: contacted ? true : null,
      created_at: '2026-11-21T00:00:00.000Z',
      status: contacted ? 'online' : 'never_contacted',
      ...(tellsExecution ? { job_execution_status: running > 0 ? 'active' : 'idle' } : {}),
    };
  }

  /** Offset-based, as all of these lists are: doc/api/rest/index.md, "Pagination". */
  function page(all: readonly unknown[], { url, headers }: Asked, origin: string): Answer {
    const size = Number(url.searchParams.get('per_page') ?? 20);
    const number = Number(url.searchParams.get('page') ?? 1);
    const body = all.slice((number - 1) * size, number * size);
    const last = Math.max(1, Math.ceil(all.length / size));
    const link = (to: number, rel: string) => {
      // As GitLab knows itself, which need not be as it is reached.
      const target = new URL(url.pathname, origin.replace('127.0.0.1', 'gitlab.internal'));
      for (const [key, value] of url.searchParams) target.searchParams.set(key, value);
      target.searchParams.set('page', String(to));
      return `<${target}>; rel="${rel}"`;
    };
    const answered = {
      etag: `W/"${hash('sha256', JSON.stringify(body))}"`,
      'x-page': String(number),
      'x-next-page': number < last ? String(number + 1) : '',
      link: [...(number < last ? [link(number + 1, 'next')] : []), link(1, 'first'), link(last, 'last')].join(
        ', ',
      ),
    };
    if (headers['if-none-match'] === answered.etag) return { status: 304, headers: answered };
    return { status: 200, headers: answered, body };
  }

  /** `jobs` of the instance: "returns an empty result for users without administrator access". */
  function graphql({ body }: Asked, admin: boolean): Answer {
    const { query, variables } = JSON.parse(body) as { query: string; variables: { after: string | null } };
    if (!/jobs\(\s*statuses: \[PENDING\]/.test(query))
      return { status: 200, body: { errors: [{ message: 'Parse error' }] } };
    const pending = admin ? jobs.filter(({ runner }) => runner === undefined) : [];
    const from = Number(variables.after ?? 0);
    const nodes = pending.slice(from, from + 100).map(({ tag_list }) => ({ tags: tag_list }));
    const end = from + nodes.length;
    const pageInfo = { hasNextPage: end < pending.length, endCursor: nodes.length > 0 ? String(end) : null };
    return { status: 200, body: { data: { jobs: { nodes, pageInfo } } } };
  }

  const fake: FakeGitlab = {
    ...wire,
    runners,
    remaining: 2000,
    queue(job, count = 1) {
      for (let index = 0; index < count; index += 1) jobs.push({ ...job, id: nextId++ });
    },
    connect(id) {
      const runner = runners.get(id);
      if (runner !== undefined) runner.contacted = true;
    },
    start(id) {
      const runner = runners.get(id);
      if (runner !== undefined) runner.running = 1;
      jobs = jobs.slice(1);
    },
  };
  return fake;
}

const TYPES = ['instance_type', 'group_type', 'project_type'];
const FORBIDDEN: Answer = { status: 403, body: { message: '403 Forbidden' } };
const OUT_OF_SCOPE: Answer = {
  status: 403,
  body: {
    error: 'insufficient_scope',
    error_description: 'The request requires higher privileges than provided by the access token.',
  },
};

/** Any of these scopes of an access token is enough: doc/security/tokens, and allow_access_with_scope in lib/api. */
function scopesFor(method: string, path: string): readonly string[] {
  if (path === '/api/graphql') return ['api', 'read_api'];
  if (method === 'POST' && path === '/user/runners') return ['api', 'create_runner'];
  if (method === 'DELETE') return ['api', 'manage_runner'];
  if (method !== 'GET') return ['api'];
  return /^\/runners\/\d+/.test(path) ? ['api', 'read_api', 'manage_runner'] : ['api', 'read_api'];
}

/** Ci::Runners::CreateRunnerService, and the validations of app/models/ci/runner.rb. */
function refusedCreation(asked: {
  type: string;
  may: boolean;
  untagged: boolean;
  tags: readonly string[];
}): Answer | undefined {
  if (!TYPES.includes(asked.type))
    return { status: 400, body: { error: 'runner_type does not have a valid value' } };
  if (!asked.may) return { status: 403, body: { message: '403 Forbidden - Insufficient permissions' } };
  if (asked.untagged || asked.tags.length > 0) return undefined;
  const why = 'Tags list can not be empty when runner is not allowed to pick untagged jobs';
  return { status: 400, body: { message: `400 Bad request - ${why}` } };
}
