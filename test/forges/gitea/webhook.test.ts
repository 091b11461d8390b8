import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GiteaServer, startGitea, whyNoGitea } from '../../../hack/servers/gitea/server.ts';
import { BUILD_TIMEOUT } from '../../clients/build_client.ts';
import {
  addPool,
  SECRET,
  setSecrets,
  startWebhooks,
  type WebhookStand,
} from '../../runtime/webhooks/stand.ts';

const reason = whyNoGitea();
const WORKFLOW = JSON.stringify({
  on: 'push',
  jobs: { one: { 'runs-on': 'linux', steps: [{ run: 'true' }] } },
});
const SOON = { timeout: 30_000, interval: 100 };
/** For as long as SOON, and what a Gitea on a busy machine takes before. */
const SLOW = { timeout: 90_000 };

describe.skipIf(reason !== undefined)(`the webhooks of a real Gitea${reason ? ` (${reason})` : ''}`, () => {
  let gitea: GiteaServer;
  let stand: WebhookStand;
  beforeAll(async () => {
    // It sends each one once, and by itself gives up after 5 s.
    gitea = await startGitea({ settings: { webhook: { DELIVER_TIMEOUT: '60' } } });
    await gitea.client.organization('acme');
    stand = await startWebhooks();
    addPool(stand, 'tea', 'gitea');
    setSecrets(stand, { tea: SECRET });
  }, BUILD_TIMEOUT);
  afterAll(async () => {
    await stand?.close();
    await gitea?.stop();
  }, SLOW.timeout);

  async function hook(repository: string, secret: string, events: string[]): Promise<void> {
    const url = `${stand.url}/webhooks/gitea/ci/tea`;
    const config = { content_type: 'json', url, secret };
    await gitea.client.ask('POST', `/repos/${repository}/hooks`, {
      type: 'gitea',
      active: true,
      events,
      config,
    });
  }

  it('tell of a job as soon as it is queued', SLOW, async () => {
    const repository = await gitea.client.repository('acme', 'app');
    await hook(repository, SECRET, ['workflow_job']);
    await gitea.client.push(repository, { '.gitea/workflows/ci.yaml': WORKFLOW }, 'a job');
    await expect
      .poll(() => stand.written, SOON)
      .toEqual([{ pool: 'tea', delivery: expect.stringMatching(/^[0-9a-f-]{36}$/) }]);
    expect(await stand.counted('refused')).toBe(0);
  });

  it('of a push count as well, for a Gitea that tells of no jobs', SLOW, async () => {
    const repository = await gitea.client.repository('acme', 'older');
    await hook(repository, SECRET, ['push']);
    const before = stand.written.length;
    await gitea.client.push(repository, { 'a.txt': 'a' }, 'a push');
    await expect.poll(() => stand.written.length, SOON).toBe(before + 1);
  });

  it('are refused when they are signed with another secret', SLOW, async () => {
    const repository = await gitea.client.repository('acme', 'wrong');
    await hook(repository, 'another', ['push']);
    const before = stand.written.length;
    await gitea.client.push(repository, { 'a.txt': 'a' }, 'a push');
    await expect.poll(() => stand.counted('refused'), SOON).toBe(1);
    expect(stand.written).toHaveLength(before);
  });
});
