import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Forge } from '../../../src/forges/forge.ts';
import { conformance } from '../conformance.ts';
import { opened } from '../opened.ts';
import { type FakeForgejo, startFakeForgejo } from './fake_forgejo.ts';

const TOKEN = 'token-of-the-pool-at-forgejo';
const PLACES = [
  ['the instance', { type: 'instance' }, '/api/v1/admin/actions'],
  ['an organization', { type: 'organization', name: 'acme' }, '/api/v1/orgs/acme/actions'],
  ['a repository', { type: 'repository', name: 'acme/app' }, '/api/v1/repos/acme/app/actions'],
] as const;

describe.each(PLACES)('the runners of %s at a fake of Forgejo', (_, scope, base) => {
  let fake: FakeForgejo;
  let forge: Forge;
  beforeAll(async () => {
    fake = await startFakeForgejo(TOKEN, base);
    forge = opened({ type: 'forgejo', url: fake.url, scope }, { token: TOKEN });
  });
  afterAll(async () => {
    await forge.close();
    await fake.close();
  });

  conformance(() => ({
    forge,
    queueJobs: async (count) => {
      fake.queue(['linux'], 'waiting', count);
      fake.queue(['linux', 'gpu']);
      fake.queue(['linux'], 'running');
    },
    connect: async (id) => setStatus(fake, id, 'idle'),
    moreThanAPage: 51,
    answerNext: (answer) => fake.answerNext(answer),
    secrets: [TOKEN],
  }));
});

describe('a runner of Forgejo', () => {
  let fake: FakeForgejo;
  let forge: Forge;
  beforeEach(async () => {
    fake = await startFakeForgejo(TOKEN, '/api/v1/admin/actions');
    forge = opened({ type: 'forgejo', url: `${fake.url}/`, scope: { type: 'instance' } }, { token: TOKEN });
    return async () => {
      await forge.close();
      await fake.close();
    };
  });

  test('is ephemeral, and gets a connection of its own in the words of its configuration', async () => {
    const { record, files } = await forge.join({
      name: 'harrier-1',
      labels: ['linux', 'ci:docker://node:24'],
    });
    const runner = fake.runners.get(Number(record.id));
    expect(runner).toMatchObject({ name: 'harrier-1', ephemeral: true });
    expect(JSON.parse(files['connection.json'] ?? '')).toEqual({
      ...{ url: `${fake.url}/`, uuid: runner?.uuid, token: runner?.token },
      labels: ['linux:host', 'ci:docker://node:24'],
    });
  });

  test('is kept while it has a job', async () => {
    const { record } = await forge.join({ name: 'harrier-1', labels: ['linux'] });
    setStatus(fake, record.id, 'active');
    expect(await forge.list('harrier-')).toEqual([{ ...record, state: 'Busy' }]);
    await expect(forge.remove(record.id)).rejects.toMatchObject({ reason: 'Refused' });
    expect(fake.runners.size).toBe(1);
  });
});

function setStatus(fake: FakeForgejo, id: string, status: 'idle' | 'active'): void {
  const runner = fake.runners.get(Number(id));
  if (runner === undefined) throw new Error(`there is no runner ${id}`);
  runner.status = status;
}
