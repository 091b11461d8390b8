import { describe, expect, it } from 'vitest';
import { RunnerTokenKind, SecretKind } from '../../../src/kube/kinds.ts';
import { API_VERSION } from '../../../src/resources/group.ts';
import { eventually } from '../../controller/pool_in_cluster.ts';
import { startApi } from '../api_process.ts';
import { useRegistrations } from './stand.ts';

const stand = useRegistrations();
const { ask, cluster, known, patch, register, registered, registration, until, valueIn } = stand;

describe('runners that register', () => {
  it('join, are told who they are, refresh their JWT and leave', async () => {
    const value = await registration('join', { scope: { type: 'repository', name: 'acme/app' } });
    const { token, runner } = await registered(value, 'Mac-Mini_1', { labels: ['macos'], version: '1.0.8' });
    expect(runner).toMatchObject({ name: 'Mac-Mini_1', attempt: 1 });
    const me = await ask(stand.apis[1], 'GET', '/v1/runner', token);
    expect(me.status).toBe(200);
    expect(await me.json()).toMatchObject({
      pool: 'macs',
      runner: { id: runner.id, name: 'Mac-Mini_1' },
      forge: { scope: 'repository', entity: 'acme/app' },
    });
    await eventually('its count', async () => (await stand.pool.get())?.status?.external === 1);
    const parent = await until('join', (one) => one.status?.runners === 1);
    expect(parent.status).toMatchObject({ uses: 1, lastUsedBy: 'Mac-Mini_1' });

    // Before it has reported in, it gets no longer life.
    expect((await ask(stand.apis[0], 'POST', '/v1/runner/token', token)).status).toBe(409);
    await ask(stand.apis[0], 'POST', '/v1/runner/status', token, { state: 'Idle' });
    const refreshed = await ask(stand.apis[1], 'POST', '/v1/runner/token', token);
    expect(refreshed.status, await refreshed.clone().text()).toBe(200);
    const fresh = (await refreshed.json()) as { token: string; expiresAt: string };
    expect(fresh.token).not.toBe(token);
    expect(Date.parse(fresh.expiresAt) - Date.now()).toBeGreaterThan(3_000_000);
    expect((await ask(stand.apis[0], 'GET', '/v1/runner', fresh.token)).status).toBe(200);

    expect((await ask(stand.apis[0], 'DELETE', '/v1/runner', fresh.token)).status).toBe(204);
    for (const api of stand.apis)
      await eventually(
        'refusal',
        async () => (await ask(api, 'GET', '/v1/runner', fresh.token)).status === 401,
      );
    await eventually('its end', async () => (await stand.pool.get())?.status?.external === 0);
  });

  it('is refused by a name that is taken, unless it replaces: then the earlier attempt is over at once', async () => {
    const value = await registration('names');
    const first = await registered(value, 'vm-7');
    const again = await register(stand.apis[0], value, { name: 'vm-7' });
    expect(again.status).toBe(409);
    expect(await again.json()).toMatchObject({ code: 'runner-exists' });
    const second = await registered(value, 'vm-7', { replace: true }, stand.apis[1]);
    expect(second.runner).toEqual({ ...first.runner, attempt: 2 });
    // That replica wrote the replacement itself, so it knows no moment in which both are good.
    expect((await ask(stand.apis[1], 'GET', '/v1/runner', first.token)).status).toBe(401);
    expect((await ask(stand.apis[1], 'GET', '/v1/runner', second.token)).status).toBe(200);
    await eventually(
      'refusal',
      async () => (await ask(stand.apis[0], 'GET', '/v1/runner', first.token)).status === 401,
    );
  });

  it('gets the same token again by the same Idempotency-Key, and no second use is counted', async () => {
    const value = await registration('again', { usage: 'OneTime' });
    await known(value);
    const one = await eventually('the first', async () => {
      const answer = await register(stand.apis[0], value, { name: 'vm-8' }, 'key-1');
      return answer.status === 201 && ((await answer.json()) as { token: string });
    });
    const two = await register(stand.apis[1], value, { name: 'vm-8' }, 'key-1');
    expect(two.status, await two.clone().text()).toBe(201);
    const claims = (jwt: string) => JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
    expect(claims(((await two.json()) as { token: string }).token).jti).toBe(claims(one.token).jti);
    const other = await register(stand.apis[1], value, { name: 'vm-9' }, 'key-2');
    expect(other.status).toBe(409);
    expect(await other.json()).toMatchObject({ code: 'registration-used' });
    const used = await until('again', (token) => token.status?.phase === 'Used');
    expect(used.status).toMatchObject({ uses: 1, lastUsedBy: 'vm-8' });
    // Unpinned on the living token it lets others in, pinned again nobody.
    await patch('again', { usage: 'Reusable' });
    await until('again', (token) => token.status?.phase === 'Active');
    await registered(value, 'vm-10');
    await patch('again', { usage: 'OneTime' });
    await until('again', (token) => token.status?.phase === 'Used');
  });

  it('tells what is wrong with a registration', async () => {
    const value = await registration('wrong', { expiresAt: new Date(Date.now() + 3_600_000).toISOString() });
    await registered(value, 'vm-20');
    const cases: [number, string, string, object][] = [
      [401, 'unauthorized', 'hrt_nobodyknowsthisvalue', { name: 'vm-21' }],
      [422, 'unprocessable-content', value, { name: '-' }],
      [422, 'unprocessable-content', value, { name: 'vm-21', admin: true }],
      [422, 'unprocessable-content', value, {}],
    ];
    for (const [status, code, bearer, body] of cases) {
      const answer = await register(stand.apis[0], bearer, body);
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code]);
    }
    await patch('wrong', { expiresAt: '2020-01-01T00:00:00Z' });
    await until('wrong', (token) => token.status?.phase === 'Expired');
    const late = await eventually('expiry', async () => {
      const answer = await register(stand.apis[0], value, { name: 'vm-22' });
      return answer.status === 403 && answer;
    });
    expect(await late.json()).toMatchObject({ code: 'registration-expired' });
  });

  it('takes a value that its user brought, and never changes it', async () => {
    const manifest = (value: string) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: cluster.namespace, name: 'brought' },
      data: { value: Buffer.from(value).toString('base64') },
    });
    const bad = await stand.client.create(SecretKind, manifest('tooshort'));
    await stand.client.create(RunnerTokenKind, {
      apiVersion: API_VERSION,
      kind: 'RunnerToken',
      metadata: { namespace: cluster.namespace, name: 'brought' },
      spec: {
        type: 'Registration',
        usage: 'Reusable',
        supersedes: false,
        poolRef: { name: 'macs' },
        secretRef: { name: 'brought', key: 'value' },
      },
    });
    const refused = await until('brought', (one) => one.status?.reason === 'SecretInvalid');
    expect(refused.status?.message).toContain('shorter than 20 characters');
    expect((await stand.client.get(SecretKind, cluster.namespace, 'brought'))?.metadata.resourceVersion).toBe(
      bad.metadata.resourceVersion,
    );
    await stand.client.delete(SecretKind, cluster.namespace, 'brought');
    await until('brought', (one) => one.status?.reason !== 'SecretInvalid' || one.status.phase === 'Pending');
    const value = 'my-own-registration-token-3f9a';
    const mine = await stand.client.create(SecretKind, manifest(value));
    // Secrets are not watched: touching the token has it looked at now instead of within 30 s.
    await patch('brought', { description: 'with a value of its own' });
    await until('brought', (one) => one.status?.phase === 'Active');
    await registered(value, 'vm-30');
    const after = await stand.client.get(SecretKind, cluster.namespace, 'brought');
    expect(after?.metadata.resourceVersion).toBe(mine.metadata.resourceVersion);
    expect(after?.metadata.ownerReferences).toBeUndefined();
  });

  it('gets its JWT in a Secret where a person made its token by hand', async () => {
    await registration('by-hand-parent', { scope: { type: 'organization', name: 'acme' } });
    const parent = await until('by-hand-parent', () => true);
    const make = (name: string, spec: object) =>
      stand.client.create(RunnerTokenKind, {
        apiVersion: API_VERSION,
        kind: 'RunnerToken',
        metadata: { namespace: cluster.namespace, name },
        spec: {
          poolRef: { name: 'macs' },
          parentRef: { name: parent.metadata.name, uid: parent.metadata.uid },
          runner: { name },
          ...spec,
        },
      });
    await make('by-hand', { scope: { type: 'organization', name: 'acme' } });
    const active = await until('by-hand', (one) => one.status?.phase === 'Active');
    const jwt = await valueIn(active);
    await eventually('it', async () => (await ask(stand.apis[0], 'GET', '/v1/runner', jwt)).status === 200);
    // What its parent was not for it is not for either.
    await make('too-wide', {});
    await until('too-wide', (one) => one.status?.reason === 'NotInherited');
  });
});

describe('a OneTime token', () => {
  it.each([
    ['OneTime', { usage: 'OneTime' }, 1],
    ['maxUses', { maxUses: 7 }, 7],
  ])(
    '%s: of 1,000 registrations at once over two replicas just so many get a JWT',
    async (name, spec, most) => {
      const value = await registration(name.toLowerCase(), spec);
      await known(value);
      const answers = await Promise.all(
        Array.from({ length: 1000 }, async (_, index) => {
          const answer = await register(stand.apis[index % 2], value, { name: `${name}-${index}` });
          return { status: answer.status, body: (await answer.json()) as { code?: string; token?: string } };
        }),
      );
      const winners = answers.filter((one) => one.status === 201);
      expect(winners).toHaveLength(most);
      expect(winners.every((one) => typeof one.body.token === 'string')).toBe(true);
      const losers = answers.filter((one) => one.status === 409 && one.body.code === 'registration-used');
      expect(losers).toHaveLength(1000 - most);
      const made = (await stand.pool.tokens()).filter(
        (one) => one.spec.parentRef?.name === name.toLowerCase(),
      );
      expect(made).toHaveLength(most);
    },
  );

  it.each([40, 150, 500])(
    'lets exactly one in though a replica is killed %d ms into 1,000',
    async (killMs) => {
      const name = `killed-${killMs}`;
      const { kubeconfig, namespace } = cluster;
      const doomed = await startApi({ kubeconfig, namespace, runners: namespace });
      const value = await registration(name, { usage: 'OneTime' });
      await known(value, [doomed, stand.apis[0]]);
      let failed = 0;
      const one = async (index: number): Promise<number> => {
        const body = { name: `${name}-${index}` };
        const key = `key-${index}`;
        try {
          return (await register(index % 2 === 0 ? doomed : stand.apis[0], value, body, key)).status;
        } catch {
          // As a client does whose connection broke: the same again, which comes to the other replica.
          failed += 1;
          return (await register(stand.apis[0], value, body, key)).status;
        }
      };
      const all = Array.from({ length: 1000 }, (_, index) => one(index));
      setTimeout(() => process.kill(doomed.pid, 'SIGKILL'), killMs);
      const statuses = await Promise.all(all);
      expect(statuses.filter((status) => status === 201)).toHaveLength(1);
      expect(statuses.filter((status) => status === 409)).toHaveLength(999);
      console.log(
        `killed after ${killMs} ms: one of 1,000 got in, ${failed} connections broke with the replica`,
      );
    },
  );

  it('is collected after its retention, once nobody who joined by it lives', async () => {
    const value = await registration('brief', { usage: 'OneTime', retention: '1s' });
    const { token } = await registered(value, 'vm-40');
    await until('brief', (one) => one.status?.phase === 'Used');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await stand.client.get(RunnerTokenKind, cluster.namespace, 'brief')).toBeDefined();
    await ask(stand.apis[0], 'DELETE', '/v1/runner', token);
    await eventually('its collection', async () => {
      return (await stand.client.get(RunnerTokenKind, cluster.namespace, 'brief')) === undefined;
    });
  });
});
