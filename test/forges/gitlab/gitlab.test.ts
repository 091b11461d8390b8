import { rootCertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Forge } from '../../../src/forges/forge.ts';
import { MOST_PROJECTS } from '../../../src/forges/gitlab/queued.ts';
import { conformance } from '../conformance.ts';
import { opened } from '../opened.ts';
import { type FakeGitlab, type FakeGitlabOptions, startFakeGitlab } from './fake_gitlab.ts';

const TOKEN = 'glpat-of-the-pool';
const SCOPES = ['create_runner', 'manage_runner', 'read_api'];
const ADMIN = 'glpat-of-an-administrator';
const OPTIONS: FakeGitlabOptions = {
  tokens: {
    [TOKEN]: { scopes: SCOPES },
    [ADMIN]: { scopes: SCOPES, admin: true },
    'glpat-reads-only': { scopes: ['read_api'] },
  },
  groups: [{ id: 71, path: 'acme/ci' }],
  projects: [
    { id: 36, path: 'acme/ci/shop', group: 71 },
    { id: 37, path: 'acme/ci/till', group: 71 },
    { id: 38, path: 'acme/ci/wiki', group: 71, ciOff: true },
  ],
};
const AUTHORITY = rootCertificates[0] ?? '';
const PROJECT = { type: 'repository', name: 'acme/ci/shop' };
const GROUP = { type: 'organization', name: 'acme/ci' };
const INSTANCE = { type: 'instance' };
const NAME = 'harrier-0d5c3ea07c55-linux-0-aaaaa';

const at = (fake: FakeGitlab, scope: object, token = TOKEN) =>
  opened({ type: 'gitlab', url: fake.url, scope }, { token });
const join = (forge: Forge, name = NAME) => forge.join({ name, labels: ['linux', 'arm64'] });

describe.each([
  ['a project', PROJECT, TOKEN],
  ['a group', GROUP, TOKEN],
  ['the instance', INSTANCE, ADMIN],
])('the runners of %s', (_, scope, token) => {
  let fake: FakeGitlab;
  let forge: Forge;
  beforeAll(async () => {
    fake = await startFakeGitlab(OPTIONS);
    forge = at(fake, scope, token);
  });
  afterAll(async () => {
    await forge.close();
    await fake.close();
  });

  conformance(() => ({
    forge,
    queueJobs: async (count) => {
      fake.queue({ project: 36, tag_list: ['linux'] }, count);
      fake.queue({ project: 36, tag_list: ['linux', 'gpu'] });
      // Runners of ours take no job without tags.
      fake.queue({ project: 36, tag_list: [] });
    },
    connect: async (id) => fake.connect(Number(id)),
    moreThanAPage: 101,
    answerNext: fake.answerNext,
    secrets: [token],
  }));
});

describe('against a GitLab of its own', () => {
  let fake: FakeGitlab;
  let forge: Forge;
  const start = async (options: Partial<FakeGitlabOptions> = {}, scope: object = PROJECT, token = TOKEN) => {
    fake = await startFakeGitlab({ ...OPTIONS, ...options });
    forge = at(fake, scope, token);
  };
  beforeEach(() => start());
  afterEach(async () => {
    await forge.close();
    await fake.close();
  });
  /** Ends the one of beforeEach. */
  const restart = async (...options: Parameters<typeof start>) => {
    await forge.close();
    await fake.close();
    await start(...options);
  };

  test.each([
    ['project_type', PROJECT, 36, true, TOKEN],
    ['group_type', GROUP, 71, false, TOKEN],
    ['instance_type', INSTANCE, undefined, false, ADMIN],
  ])('makes a runner of %s', async (runner_type, scope, owner, locked, token) => {
    await restart({}, scope, token);
    const { record } = await join(forge);
    expect(fake.runners.get(Number(record.id))).toMatchObject({
      runner_type,
      owner,
      locked,
      description: NAME,
      tag_list: ['linux', 'arm64'],
      run_untagged: false,
      maintenance_note: 'Made by Harrier for the pool ci/linux',
    });
  });

  test('the id of a scope is looked up once', async () => {
    for (const name of ['a', 'b', 'c']) await join(forge, name);
    expect(fake.asked.filter(({ url }) => url.pathname === '/api/v4/projects/acme%2Fci%2Fshop')).toHaveLength(
      1,
    );
  });

  test('a runner gets its own token in a file, and the authority', async () => {
    await forge.close();
    forge = opened({ type: 'gitlab', url: fake.url, scope: PROJECT }, { token: TOKEN, 'ca.crt': AUTHORITY });
    const { record, files } = await join(forge);
    const { token } = fake.runners.get(Number(record.id)) ?? { token: '' };
    expect(Object.keys(files)).toEqual(['config.toml', 'ca.crt']);
    expect(files['config.toml']).toContain(`token = ${JSON.stringify(token)}`);
    expect(files['config.toml']).toContain(`url = ${JSON.stringify(fake.url)}`);
    expect(JSON.stringify(files)).not.toContain(TOKEN);
  });

  test('a routable token tells where it belongs, and nothing of its secret', async () => {
    expect(forge.details?.()).toBeUndefined();
    await join(forge);
    expect(forge.details?.()).toEqual({ cell: '1', organization: '10', project: '36' });
  });

  test('a token of the older form tells nothing', async () => {
    await restart({ routable: false });
    await join(forge);
    expect(forge.details?.()).toEqual({});
  });

  test.each([true, false])('a runner with a job is busy, told in the list: %s', async (tellsExecution) => {
    await restart({ tellsExecution });
    const { record } = await join(forge);
    fake.connect(Number(record.id));
    fake.start(Number(record.id));
    expect(await forge.list('harrier-')).toEqual([{ ...record, state: 'Busy' }]);
  });

  test('runners that others made are not asked about, one by one', async () => {
    await restart({ tellsExecution: false });
    const { record } = await join(forge, 'somebody-elses');
    fake.connect(Number(record.id));
    expect(await forge.list('harrier-')).toEqual([]);
    expect(fake.asked.filter(({ url }) => url.pathname.startsWith('/api/v4/runners/'))).toEqual([]);
  });

  test('a list with cursors is followed, by the way that the forge is reached', async () => {
    const next = 'https://gitlab.internal/api/v4/elsewhere?cursor=eyJpZCI6&per_page=100&type=project_type';
    const runner = (id: number) => ({
      id,
      description: `${NAME}-${id}`,
      status: 'online',
      job_execution_status: 'idle',
    });
    fake.answerNext({ status: 200, headers: { link: `<${next}>; rel="next"` }, body: [runner(1)] });
    fake.answerNext({ status: 200, body: [runner(2)] });
    expect((await forge.list('harrier-')).map(({ id }) => id)).toEqual(['1', '2']);
    const { url } = fake.asked.at(-1) ?? {};
    expect([url?.pathname, url?.searchParams.get('cursor')]).toEqual([
      '/api/v4/projects/acme%2Fci%2Fshop/runners',
      'eyJpZCI6',
    ]);
  });

  test('what did not change is not sent again', async () => {
    await join(forge);
    const [first, second] = [await forge.list('harrier-'), await forge.list('harrier-')];
    expect(second).toEqual(first);
    expect(fake.asked.at(-1)?.headers['if-none-match']).toBeDefined();
  });

  test.each([
    [
      'a project that is not there',
      { type: 'repository', name: 'acme/gone' },
      TOKEN,
      'NotFound',
      /acme\/gone/,
    ],
    ['a token that was revoked', PROJECT, 'glpat-revoked', 'Unauthorized', /Secret forge/],
    ['a token without the scope', PROJECT, 'glpat-reads-only', 'Forbidden', /Secret forge/],
    ['an instance without its administrator', INSTANCE, TOKEN, 'Forbidden', /Secret forge/],
  ])('%s is told as such', async (_, scope, token, reason, message) => {
    await restart({}, scope, token);
    await expect(join(forge)).rejects.toMatchObject({ reason, message: expect.stringMatching(message) });
    await expect(join(forge)).rejects.not.toMatchObject({ message: expect.stringContaining(token) });
  });

  test('without a token nothing is asked', () => {
    expect(() => opened({ type: 'gitlab', url: fake.url }, {})).toThrow(/no key "token"/);
    expect(fake.asked).toEqual([]);
  });

  test('a used-up limit holds further requests back', async () => {
    fake.remaining = 0;
    await expect(forge.list('harrier-')).rejects.toMatchObject({
      reason: 'RateLimited',
      retryAfterMs: 30_000,
    });
    await expect(forge.list('harrier-')).rejects.toMatchObject({ reason: 'RateLimited' });
    expect(fake.asked).toHaveLength(1);
  });

  test('jobs of all projects of a group are counted, those beyond a page too', async () => {
    await restart({}, GROUP);
    fake.queue({ project: 36, tag_list: ['linux'] }, 101);
    fake.queue({ project: 37, tag_list: ['linux', 'arm64'] }, 2);
    expect(await forge.queued(['linux', 'arm64'])).toBe(103);
  });

  test('of a very long queue so many are counted as anybody could start runners for', async () => {
    fake.queue({ project: 36, tag_list: ['linux'] }, 1_050);
    expect(await forge.queued(['linux'])).toBe(1_000);
  });

  test('a group of too many projects is not counted', async () => {
    const projects = Array.from({ length: MOST_PROJECTS + 1 }, (_, index) => ({
      id: 100 + index,
      path: `acme/ci/${index}`,
      group: 71,
    }));
    await restart({ projects }, GROUP);
    expect(await forge.queued(['linux'])).toBeUndefined();
    expect(fake.asked).toHaveLength(1);
  });

  test('pending jobs of the instance are counted over all pages', async () => {
    await restart({}, INSTANCE, ADMIN);
    fake.queue({ project: 36, tag_list: ['linux'] }, 150);
    expect(await forge.queued(['linux'])).toBe(150);
  });

  test('an error of GraphQL, which comes with 200, is none of a queue', async () => {
    await restart({}, INSTANCE, ADMIN);
    fake.answerNext({ status: 200, body: { data: { jobs: null }, errors: [{ message: 'timeout' }] } });
    await expect(forge.queued(['linux'])).rejects.toMatchObject({ reason: 'Unreadable' });
  });
});
