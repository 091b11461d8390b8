import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allowedHosts, areListedHosts, listedHosts } from '../../src/egress/allowed_hosts.ts';
import { judgeUnresolved, judgeUrl, NotAllowed } from '../../src/egress/judge_url.ts';

const allowedBy = 'forges.allowedHosts';
const PUBLIC = '140.82.121.6';
const resolve =
  (...addresses: string[]) =>
  async () =>
    addresses;

describe('where a URL of somebody else may lead', () => {
  test.each<[hosts: string[], url: string, addresses: string[], said: string | undefined]>([
    [['*'], 'https://github.com', [PUBLIC], undefined],
    [['*'], 'https://github.com', ['2606:50c0::153'], undefined],
    [['*'], 'http://github.com', [PUBLIC], 'must be https'],
    [['*'], 'https://metadata.example', ['169.254.169.254'], 'inside the cluster'],
    [['*'], 'https://half.example', [PUBLIC, '10.0.0.1'], 'inside the cluster'],
    [['*'], 'https://mapped.example', ['::ffff:10.0.0.1'], 'inside the cluster'],
    [['*'], 'https://nat64.example', ['64:ff9b::a9fe:a9fe'], 'inside the cluster'],
    [['*'], 'https://nowhere.example', [], 'has no address'],
    [['*'], 'https://169.254.169.254', [], 'inside the cluster'],
    [['*'], 'https://[::ffff:169.254.169.254]', [], 'inside the cluster'],
    [['*'], 'https://2852039166', [], 'inside the cluster'],
    [['*'], 'https://0x7f.1', [], 'inside the cluster'],
    [['*', 'gitea.ci'], 'http://gitea.ci:3000', ['10.96.0.7'], undefined],
    [['*', 'gitea.ci:3000'], 'http://gitea.ci:3001', ['10.96.0.7'], 'must be https'],
    [['*', 'gitea.ci:3000'], 'https://gitea.ci:3001', ['10.96.0.7'], 'inside the cluster'],
    [['ghes.acme.com'], 'https://ghes.acme.com', ['10.1.1.1'], undefined],
    [['ghes.acme.com'], 'https://github.com', [PUBLIC], 'does not name'],
    [[], 'https://github.com', [PUBLIC], 'does not name'],
    [['10.0.0.7:80'], 'http://10.0.0.7', [], undefined],
  ])('%j and %s at %j: %s', async (hosts, url, addresses, said) => {
    const judged = judgeUrl(new URL(url), {
      allowed: listedHosts(hosts),
      allowedBy,
      resolve: resolve(...addresses),
    });
    if (said === undefined) return expect((await judged).length).toBeGreaterThan(0);
    await expect(judged).rejects.toThrow(NotAllowed);
    await expect(judged).rejects.toThrow(said);
  });

  test.each<[hosts: string[], url: string, said: string | undefined]>([
    [['*'], 'https://github.com', undefined],
    [['*'], 'https://gitea', 'inside'],
    [['*'], 'https://gitea.ci.svc', 'inside'],
    [['*'], 'https://gitea.ci.svc.cluster.local', 'inside'],
    [['*'], 'https://LOCALHOST.', 'inside'],
    [['*'], 'https://metadata.google.internal', 'inside'],
    [['*'], 'https://169.254.169.254', 'inside'],
    [['*', 'gitea.ci.svc'], 'http://gitea.ci.svc', undefined],
    [[], 'https://github.com', 'does not name'],
  ])('unresolved, %j and %s: %s', (hosts, url, said) => {
    const judge = () => judgeUnresolved(new URL(url), { allowed: listedHosts(hosts), allowedBy });
    if (said === undefined) expect(judge).not.toThrow();
    else expect(judge).toThrow(said);
  });

  test('only an entry of its own opens a name that leads inside', async () => {
    const host = fc.domain();
    await fc.assert(
      fc.asyncProperty(host, fc.array(host, { maxLength: 4 }), async (name, others) => {
        const hosts = ['*', ...others.filter((other) => other.toLowerCase() !== name.toLowerCase())];
        const judged = judgeUrl(new URL(`https://${name}`), {
          allowed: listedHosts(hosts),
          allowedBy,
          resolve: resolve('10.0.0.1'),
        });
        await expect(judged).rejects.toThrow(NotAllowed);
      }),
    );
  });
});

test('a list of credentials knows no star, one of forges does', () => {
  expect(() => allowedHosts(['*'])).toThrow('not a host');
  expect(areListedHosts(['*', 'gitea.ci:3000'])).toBe(true);
  expect(areListedHosts(['*.ci'])).toBe(false);
  expect(listedHosts(['*']).onlyThese).toBe(false);
  expect(listedHosts(['gitea.ci']).onlyThese).toBe(true);
});
