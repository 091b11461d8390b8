import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GiteaServer, startGitea, whyNoGitea } from '../../../hack/servers/gitea/server.ts';
import type { Forge } from '../../../src/forges/forge.ts';
import { BUILD_TIMEOUT } from '../../clients/build_client.ts';
import { conformance } from '../conformance.ts';
import { startBetween, type Wire } from '../wire.ts';
import { openAt } from './settings.ts';

const reason = whyNoGitea();
const SCOPES = {
  instance: { type: 'instance' },
  organization: { type: 'organization', name: 'acme' },
  repository: { type: 'repository', name: 'acme/app' },
} as const;
const WORKFLOW = (label: string) =>
  JSON.stringify({ on: 'push', jobs: { one: { 'runs-on': label, steps: [{ run: 'true' }] } } });

/** Of a Gitea on a busy machine; some of it is waited for. */
const SLOW = { timeout: 120_000 };

describe.skipIf(reason !== undefined)(`a real Gitea${reason ? ` (${reason})` : ''}`, SLOW, () => {
  let gitea: GiteaServer;
  const opened: Forge[] = [];
  const forgeAt = (...args: Parameters<typeof openAt> extends [unknown, ...infer R] ? R : never) => {
    const forge = openAt(gitea, ...args);
    opened.push(forge);
    return forge;
  };
  beforeAll(async () => {
    gitea = await startGitea();
    await gitea.client.organization('acme');
    await gitea.client.repository('acme', 'app');
    await gitea.client.repository('acme', 'other');
  }, BUILD_TIMEOUT);
  afterAll(async () => {
    await Promise.all(opened.map((forge) => forge.close()));
    await gitea?.stop();
  }, SLOW.timeout);

  /** What the runner says of itself before it asks for jobs; the protocol is Connect, in JSON. */
  const declare = (file: string) => asRunner(file, 'Declare', { version: 'test', labels: ['linux'] });
  async function asRunner(file: string, method: string, body: unknown): Promise<Record<string, unknown>> {
    const { uuid, token } = JSON.parse(file) as { uuid: string; token: string };
    const answer = await fetch(`${gitea.url}/api/actions/runner.v1.RunnerService/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-runner-uuid': uuid, 'x-runner-token': token },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} answered ${answer.status}`);
    return (await answer.json()) as Record<string, unknown>;
  }

  describe.each(Object.entries(SCOPES))('with a pool of an %s', (kind, scope) => {
    it('makes the record of one ephemeral runner, lists it by its name and removes it', async () => {
      const forge = forgeAt(scope);
      const name = `harrier-${kind}-1`;
      const { record, files } = await forge.join({ name, labels: ['linux', 'gpu:docker://image:1'] });
      expect(record).toEqual({ id: expect.stringMatching(/^\d+$/), name });
      expect(Object.keys(files)).toEqual(['runner.json']);
      const file = files['runner.json'] ?? '';
      expect(JSON.parse(file)).toMatchObject({
        ...{ id: Number(record.id), name, address: gitea.url, ephemeral: true },
        labels: ['linux:host', 'gpu:docker://image:1'],
      });
      const paths = { instance: '/admin', organization: '/orgs/acme', repository: '/repos/acme/app' };
      const known = await gitea.client.runners(`${paths[kind as keyof typeof paths]}/actions/runners`);
      expect(known.find((runner) => runner.name === name)).toMatchObject({
        ...{ id: Number(record.id), ephemeral: true },
        labels: [{ name: 'linux' }, { name: 'gpu' }],
      });

      expect(await forge.list('harrier-nobody-')).toEqual([]);
      expect(await forge.list(`harrier-${kind}-`)).toEqual([{ ...record, state: 'Offline' }]);
      await declare(file);
      expect(await forge.list(`harrier-${kind}-`)).toEqual([{ ...record, state: 'Idle' }]);
      await forge.remove(record.id);
      expect(await forge.list(`harrier-${kind}-`)).toEqual([]);
      await forge.remove(record.id);
      await expect(declare(file)).rejects.toThrow(/answered 40\d|answered 500/);
    });

    it('is told who may not', async () => {
      const forge = forgeAt(scope, 'not-a-token');
      await expect(forge.join({ name: 'x', labels: ['linux'] })).rejects.toMatchObject({
        ...{ name: 'ForgeError', reason: 'Unauthorized' },
      });
      await expect(forge.list('x')).rejects.toMatchObject({ reason: 'Unauthorized' });
    });
  });

  it('tells jobs that wait from those that another runner is for, in its own scope alone', async () => {
    const before = await gitea.client.push(
      'acme/app',
      { '.gitea/workflows/a.yml': WORKFLOW('queue') },
      'one',
    );
    expect(before).toMatch(/^[0-9a-f]{40}/);
    await gitea.client.push('acme/other', { '.gitea/workflows/a.yml': WORKFLOW('queue') }, 'one');
    const queued = (scope: Parameters<typeof openAt>[1], ...labels: string[]) =>
      forgeAt(scope).queued(labels);
    await expect.poll(() => queued(SCOPES.instance, 'queue'), { timeout: 30_000 }).toBe(2);
    expect(await queued(SCOPES.organization, 'queue:host', 'more')).toBe(2);
    expect(await queued(SCOPES.repository, 'queue')).toBe(1);
    expect(await queued(SCOPES.repository, 'elsewhere')).toBe(0);
  });

  it('keeps the record of a runner that was just given a job, and removes that of none', async () => {
    const forge = forgeAt(SCOPES.repository);
    const { record, files } = await forge.join({ name: 'harrier-busy-1', labels: ['queue'] });
    const idle = await forge.join({ name: 'harrier-busy-2', labels: ['queue'] });
    const file = files['runner.json'] ?? '';
    await asRunner(file, 'Declare', { version: 'test', labels: ['queue'] });
    await asRunner(idle.files['runner.json'] ?? '', 'Declare', { version: 'test', labels: ['queue'] });
    const { task } = (await asRunner(file, 'FetchTask', { tasksVersion: 0 })) as { task?: { id: string } };
    expect(task?.id).toMatch(/^\d+$/);
    // It has not reported of it yet, so that Gitea lists it as idle.
    expect((await forge.list('harrier-busy-1'))[0]?.state).toBe('Idle');
    await expect(forge.remove(record.id)).rejects.toMatchObject({ reason: 'Refused' });
    await forge.remove(idle.record.id);
    await asRunner(file, 'UpdateTask', { state: { id: task?.id } });
    expect(await forge.list('harrier-busy-')).toEqual([{ ...record, state: 'Busy' }]);

    const state = { id: task?.id, result: 'RESULT_SUCCESS', stoppedAt: new Date().toISOString() };
    await asRunner(file, 'UpdateTask', { state });
    // Gitea removes an ephemeral runner itself when its job has ended.
    expect(await forge.list('harrier-busy-')).toEqual([]);
    await forge.remove(record.id);
  });

  it('lists more runners than a page has', async () => {
    const forge = forgeAt(SCOPES.organization);
    const names = Array.from({ length: 60 }, (_, n) => `harrier-many-${n}`);
    for (const name of names) await forge.join({ name, labels: ['linux'] });
    const listed = await forge.list('harrier-many-');
    expect(listed.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  });

  it('says what is not there, and which label can’t be', async () => {
    const gone = forgeAt({ type: 'repository', name: `acme/${randomBytes(4).toString('hex')}` });
    await expect(gone.list('x')).rejects.toMatchObject({ reason: 'NotFound' });
    await expect(gone.join({ name: 'x', labels: ['linux'] })).rejects.toMatchObject({ reason: 'NotFound' });
    const forge = forgeAt(SCOPES.instance);
    await expect(forge.join({ name: 'x', labels: ['a:lxc'] })).rejects.toMatchObject({ reason: 'Refused' });
    expect(() => openAt(gitea, SCOPES.instance, ' ')).toThrow(/no key "token"/);
  });

  describe('as any forge', () => {
    let between: Wire;
    let forge: Forge;
    const filesOf = new Map<string, string>();
    beforeAll(async () => {
      await gitea.client.organization('any');
      await gitea.client.repository('any', 'app');
      between = await startBetween(gitea.url);
      const opened = openAt({ url: between.url, token: gitea.token }, { type: 'organization', name: 'any' });
      forge = {
        ...opened,
        async join(runner) {
          const joining = await opened.join(runner);
          filesOf.set(joining.record.id, joining.files['runner.json'] ?? '');
          return joining;
        },
      };
    }, SLOW.timeout);
    afterAll(async () => {
      await forge?.close();
      await between?.close();
    });

    conformance(() => ({
      forge,
      async queueJobs(count) {
        const job = (...labels: string[]) => ({ 'runs-on': labels, steps: [{ run: 'true' }] });
        const jobs = Array.from({ length: count }, (_, n) => [`job-${n}`, job('linux')]);
        const workflow = { on: 'push', jobs: Object.fromEntries([...jobs, ['other', job('linux', 'gpu')]]) };
        await gitea.client.push('any/app', { '.gitea/workflows/a.yml': JSON.stringify(workflow) }, 'jobs');
        await expect.poll(() => forge.queued(['linux', 'gpu']), { timeout: 30_000 }).toBe(count + 1);
      },
      connect: async (id) => void (await declare(filesOf.get(id) ?? '')),
      moreThanAPage: 51,
      answerNext: between.answerNext,
      secrets: [gitea.token],
    }));
  });
});
