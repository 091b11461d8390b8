import { afterAll, beforeAll, describe } from 'vitest';
import { conformance } from '../conformance.ts';
import { opened } from '../opened.ts';
import { type FakeGithub, startFakeGithub } from './fake_github.ts';

const KNOWN = { repositories: ['acme/app', 'acme/web'], organizations: ['acme'], enterprises: ['corp'] };
const start = () =>
  startFakeGithub({ repositories: [...KNOWN.repositories], organizations: ['acme'], enterprises: ['corp'] });
const REPOSITORY = { type: 'repository', name: 'acme/app' };
const ORGANIZATION = { type: 'organization', name: 'acme' };

describe.each([
  ['a repository', REPOSITORY],
  ['an organization', ORGANIZATION],
])('the runners of %s', (_, scope) => {
  let fake: FakeGithub;
  let forge: ReturnType<typeof opened>;
  beforeAll(async () => {
    fake = await start();
    forge = opened({ type: 'github', url: fake.url, scope }, fake.pat);
  });
  afterAll(async () => {
    await forge.close();
    await fake.close();
  });
  conformance(() => ({
    forge,
    queueJobs: async (count) => {
      for (let index = 0; index < count; index++)
        fake.state.addJob({ repository: 'acme/app', labels: ['self-hosted', 'Linux'] });
      fake.state.addJob({ repository: 'acme/app', labels: ['self-hosted', 'windows'] });
    },
    connect: async (id) => fake.connect(id),
    moreThanAPage: 101,
    answerNext: (answer) => fake.answerNext(answer),
    secrets: [fake.pat.token],
  }));
});
