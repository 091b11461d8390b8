import { createHash } from 'node:crypto';
import { type Answer, type Asked, startWire, type Wire } from '../wire.ts';
import { type FakeApp, githubAuth } from './github_auth.ts';
import { refusal, serveRoute } from './github_routes.ts';
import { type GithubState, githubState } from './github_state.ts';

export interface FakeGithubOptions {
  /** owner/name, the one that was pushed to last first. */
  repositories?: string[];
  organizations?: string[];
  enterprises?: string[];
  /** Milliseconds since 1970, by which it judges the App's JWTs and its own tokens. */
  now?: () => number;
}

export interface FakeGithub extends Wire {
  /** Keys of the Secret of a pool that comes with a personal access token. */
  pat: { token: string };
  /** Keys of the Secret of a pool that comes with an App. */
  appSecret(): { appId: string; privateKey: string };
  app: FakeApp;
  state: GithubState;
  /** The runner's program connects, as it does when its pod starts; by id of the record. */
  connect(id: string | number): void;
  disconnect(id: string | number): void;
  /** Requests that are left in this hour of the rate limit. */
  remaining: number;
  /** So many requests more are refused by a secondary limit; with Retry-After where seconds are given. */
  limitSecondary(requests: number, seconds?: number): void;
  /** Everything is answered so until it is called with undefined. */
  answerAll(answer: Answer | undefined): void;
}

const WINDOW_MS = 3_600_000;
const LIMIT = 5000;

/**
 * A fake of GitHub's REST API, as far as runners need it, at /api/v3 as on an Enterprise Server. It is written from
 * GitHub's own OpenAPI description, github/rest-api-description at API version 2022-11-28 in the state that
 * @octokit/openapi 23.0.2 packs (api.github.com, and ghec for enterprises), and from docs.github.com: "Rate limits for
 * the REST API", "Using pagination", "Best practices" (conditional requests), "Authenticating with a GitHub App".
 * github.com has not been asked.
 */
export async function startFakeGithub(options: FakeGithubOptions = {}): Promise<FakeGithub> {
  const { repositories = [], organizations = [], enterprises = [], now = Date.now } = options;
  const state = githubState({ repositories, organizations, enterprises });
  const pat = { token: 'github_pat_of_the_pool' };
  const auth = githubAuth([pat.token], now);
  const resetAt = Math.ceil((now() + WINDOW_MS) / 1000);
  let instead: Answer | undefined;
  let secondary = { left: 0, seconds: undefined as number | undefined };

  const wire = await startWire(async (asked, origin) => {
    if (instead !== undefined) return instead;
    const path = asked.url.pathname.replace(/^\/api\/v3/, '');
    if (secondary.left > 0) return refusedBySecondary();
    if (fake.remaining <= 0) return withLimits(refusal(403, 'API rate limit exceeded for user ID 1.'));
    const answer = withEtag(asked, await serve(asked, path, `${origin}/api/v3`));
    if (answer.status !== 304) fake.remaining -= 1;
    return withLimits(answer);
  });

  async function serve(asked: Asked, path: string, base: string): Promise<Answer> {
    const asApp = await auth.asApp(asked, path);
    if (asApp !== undefined) return asApp;
    const refused = auth.refused(asked, path);
    if (refused !== undefined) return refused;
    if (!isThere(state, path)) return refusal(404, 'Not Found');
    return serveRoute(state, asked, path, base) ?? refusal(404, 'Not Found');
  }

  function refusedBySecondary(): Answer {
    secondary.left -= 1;
    const answer = refusal(
      403,
      'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
    );
    const { seconds } = secondary;
    return seconds === undefined ? answer : { ...answer, headers: { 'retry-after': String(seconds) } };
  }

  function withLimits(answer: Answer): Answer {
    const limits = {
      'x-ratelimit-limit': String(LIMIT),
      'x-ratelimit-remaining': String(fake.remaining),
      'x-ratelimit-used': String(LIMIT - fake.remaining),
      'x-ratelimit-reset': String(resetAt),
      'x-ratelimit-resource': 'core',
    };
    return { ...answer, headers: { ...limits, ...answer.headers } };
  }

  const runner = (id: string | number) => {
    const found = state.runners.get(Number(id));
    if (found === undefined) throw new Error(`there is no runner ${id}`);
    return found;
  };

  const fake: FakeGithub = Object.assign(wire, {
    pat,
    app: auth.app,
    appSecret: () => ({ appId: auth.app.id, privateKey: auth.app.privateKey }),
    state,
    connect: (id: string | number) => void Object.assign(runner(id), { status: 'online' }),
    disconnect: (id: string | number) => void Object.assign(runner(id), { status: 'offline', busy: false }),
    remaining: LIMIT,
    limitSecondary(requests: number, seconds?: number) {
      secondary = { left: requests, seconds };
    },
    answerAll(answer: Answer | undefined) {
      instead = answer;
    },
  });
  return fake;
}

function isThere({ repositories, organizations, enterprises }: GithubState, path: string): boolean {
  const [, kind, first = '', second = ''] = path.split('/');
  if (kind === 'repos') return repositories.includes(`${first}/${second}`);
  if (kind === 'orgs') return organizations.includes(first);
  return kind === 'enterprises' && enterprises.includes(first);
}

/** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api: 304 costs nothing. */
function withEtag(asked: Asked, answer: Answer): Answer {
  if (asked.method !== 'GET' || answer.status !== 200) return answer;
  const hash = createHash('sha256')
    .update(JSON.stringify(answer.body))
    .update(asked.headers.authorization ?? '');
  const etag = `W/"${hash.digest('hex')}"`;
  if (asked.headers['if-none-match'] === etag) return { status: 304, headers: { etag } };
  return { ...answer, headers: { ...answer.headers, etag } };
}
