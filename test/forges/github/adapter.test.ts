import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Forge } from '../../../src/forges/forge.ts';
import type { ForgeError } from '../../../src/forges/forge_error.ts';
import { opened } from '../opened.ts';
import { type FakeGithub, startFakeGithub } from './fake_github.ts';

const REPOSITORY = { type: 'repository', name: 'acme/app' };
const ORGANIZATION = { type: 'organization', name: 'acme' };
const ENTERPRISE = { type: 'enterprise', name: 'corp' };
const RUNNER = { name: 'harrier-0d5c3ea07c55-linux-0-aaaaa', labels: ['linux'] };

let fake: FakeGithub;
let forges: Forge[] = [];

function at(scope: object, more: object = {}): Forge {
  const forge = opened({ type: 'github', url: fake.url, scope, ...more }, fake.pat);
  forges.push(forge);
  return forge;
}
const failure = (call: Promise<unknown>): Promise<ForgeError> =>
  call.then(
    () => expect.unreachable('it succeeded'),
    (error) => error,
  );

beforeEach(async () => {
  fake = await startFakeGithub({
    repositories: Array.from({ length: 30 }, (_, index) => (index === 0 ? 'acme/app' : `acme/r${index}`)),
    organizations: ['acme'],
    enterprises: ['corp'],
  });
});
afterEach(async () => {
  for (const forge of forges) await forge.close();
  forges = [];
  await fake.close();
});

describe.each([
  ['a repository', REPOSITORY, '/repos/acme/app'],
  ['an organization', ORGANIZATION, '/orgs/acme'],
  ['an enterprise', ENTERPRISE, '/enterprises/corp'],
])('of %s', (_, scope, path) => {
  test('a runner joins by files of its own, works, and is gone afterwards', async () => {
    const forge = at(scope);
    const { record, files } = await forge.join(RUNNER);
    expect(Object.keys(files).sort()).toEqual(['credentials', 'credentials_rsaparams', 'runner']);
    expect(JSON.parse(files.runner ?? '')).toMatchObject({ AgentId: record.id, AgentName: RUNNER.name });
    expect(fake.state.runners.get(Number(record.id))).toMatchObject({
      scope: path,
      labels: ['self-hosted', 'linux'],
      groupId: 1,
    });
    const job = fake.state.addJob({ repository: 'acme/app', labels: ['self-hosted', 'linux'] });
    fake.state.takeJob(Number(record.id));
    expect(await forge.list('harrier-')).toEqual([{ ...record, state: 'Busy' }]);
    const refused = await failure(forge.remove(record.id));
    expect(refused.reason).toBe('Refused');
    expect(refused.message).toContain('it has a job (422)');
    fake.state.endJob(job.id);
    expect(await forge.list('harrier-')).toEqual([]);
    await forge.remove(record.id);
  });

  test('a name that a lost answer left behind is taken over, unless its runner is there', async () => {
    const forge = at(scope);
    const lost = await forge.join(RUNNER);
    const again = await forge.join(RUNNER);
    expect(again.record.id).not.toBe(lost.record.id);
    expect(again.files.credentials).not.toBe(lost.files.credentials);
    fake.connect(again.record.id);
    const error = await failure(forge.join(RUNNER));
    expect(error.reason).toBe('Refused');
    expect(error.status).toBe(409);
    expect([...fake.state.runners.keys()]).toEqual([Number(again.record.id)]);
  });
});

describe('runner groups', () => {
  beforeEach(() => {
    const many = Array.from({ length: 120 }, (_, index) => ({
      id: index + 2,
      name: `Team ${index}`,
      default: false,
    }));
    fake.state.groups.set('/orgs/acme', many);
    fake.state.groups.set('/enterprises/corp', many);
  });

  test.each([
    ['Team 110', 112],
    ['team 3', 5],
    ['Default', 1],
  ])('%s is found by its name, once', async (runnerGroup, groupId) => {
    const forge = at(ORGANIZATION, { runnerGroup });
    await forge.join(RUNNER);
    await forge.join({ ...RUNNER, name: 'harrier-2' });
    expect([...fake.state.runners.values()].map((one) => one.groupId)).toEqual([groupId, groupId]);
    const looks = fake.asked.filter(({ url }) => url.pathname.endsWith('/runner-groups'));
    expect(looks.length).toBeLessThanOrEqual(2);
  });

  test('one that is not there is told by its name', async () => {
    const error = await failure(at(ENTERPRISE, { runnerGroup: 'Team X' }).join(RUNNER));
    expect(error.reason).toBe('NotFound');
    expect(error.message).toMatch(/the runner group "Team X".*correct spec\.forge\.runnerGroup/);
  });
});

describe('queued jobs', () => {
  const LABELS = ['linux'];
  const queue = (repository: string, labels = ['self-hosted', 'linux']) =>
    fake.state.addJob({ repository, labels });

  test('of an enterprise cannot be known', async () => {
    expect(await at(ENTERPRISE).queued(LABELS)).toBeUndefined();
    expect(fake.asked).toEqual([]);
  });

  test('of an organization are those of the repositories that were pushed to last', async () => {
    const forge = at(ORGANIZATION);
    queue('acme/app');
    queue('acme/r9');
    queue('acme/r9', ['ubuntu-latest']);
    queue('acme/r10');
    expect(await forge.queued(LABELS)).toBe(2);
  });

  test('count again where there were some, though others were pushed to meanwhile', async () => {
    const forge = at(ORGANIZATION);
    queue('acme/app');
    expect(await forge.queued(LABELS)).toBe(1);
    fake.state.repositories.push(...fake.state.repositories.splice(0, 1));
    queue('acme/app');
    expect(await forge.queued(LABELS)).toBe(2);
  });

  test('a job that waits in a run of which another has begun counts', async () => {
    const forge = at(REPOSITORY);
    const { record } = await forge.join(RUNNER);
    const first = queue('acme/app');
    fake.state.jobs.push({ ...first, id: first.id + 1000 });
    fake.state.takeJob(Number(record.id));
    expect(fake.state.statusOfRun(first.runId)).toBe('in_progress');
    expect(await forge.queued(LABELS)).toBe(1);
  });

  test('that nobody changed cost nothing of the limit, and never more than a bound', async () => {
    const forge = at(ORGANIZATION);
    for (let index = 0; index < 100; index++) queue('acme/app');
    await forge.queued(LABELS);
    // One list of repositories, two of runs for each of ten, and the jobs of at most 40 runs.
    expect(fake.asked.length).toBeLessThanOrEqual(1 + 20 + 40);
    const { remaining } = fake;
    await forge.queued(LABELS);
    expect(fake.remaining).toBe(remaining);
  });
});

describe('limits', () => {
  test('a secondary limit holds everything back for as long as it says', async () => {
    fake.limitSecondary(1, 120);
    const forge = at(REPOSITORY);
    const error = await failure(forge.join(RUNNER));
    expect(error.reason).toBe('RateLimited');
    expect(error.retryAfterMs).toBe(120_000);
    for (let index = 0; index < 20; index++) await failure(forge.list(''));
    expect(fake.asked).toHaveLength(1);
  });

  test('without a word of how long, it is a minute', async () => {
    fake.limitSecondary(1);
    expect((await failure(at(REPOSITORY).list(''))).retryAfterMs).toBe(60_000);
  });

  test('with the limit used up nothing is asked until it is renewed', async () => {
    fake.remaining = 1;
    const forge = at(REPOSITORY);
    expect(await forge.list('')).toEqual([]);
    const error = await failure(forge.list(''));
    expect(error.reason).toBe('RateLimited');
    expect(error.retryAfterMs).toBeGreaterThan(3_500_000);
    expect(fake.asked).toHaveLength(1);
  });
});

test('what is not there is told with its scope', async () => {
  const error = await failure(at({ type: 'repository', name: 'acme/gone' }).list(''));
  expect(error.reason).toBe('NotFound');
  expect(error.message).toMatch(/^cannot list the runners of the repository acme\/gone: http.*answered 404/);
});

test('GitHub is told of the version of its API that is spoken', async () => {
  await at(REPOSITORY).list('');
  expect(fake.asked[0]?.headers).toMatchObject({
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
    'user-agent': 'harrier',
  });
});
